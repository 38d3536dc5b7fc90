// A C++ program: containers, strings, exceptions, aligned and nothrow new.
#include <algorithm>
#include <cstdint>
#include <cstdio>
#include <exception>
#include <limits>
#include <map>
#include <memory>
#include <new>
#include <stdexcept>
#include <string>
#include <thread>
#include <unordered_map>
#include <vector>

struct alignas(256) Wide {
    char bytes[300];
};

static int wrong;

static void expect(bool holds, const char *what) {
    if (!holds) {
        std::fprintf(stderr, "not so: %s\n", what);
        wrong = 1;
    }
}

static void containers(int number) {
    std::map<int, std::string> words;
    std::unordered_map<std::string, std::vector<int>> index;
    for (int i = 0; i < 20000; i++) {
        words[i * 7919 % 20011] = std::string(i % 200, 'a' + i % 26);
        index[std::to_string(i % 500)].push_back(i);
    }
    for (int i = 0; i < 20000; i += 2) words.erase(i);
    size_t length = 0;
    for (const auto &word : words) length += word.second.size();
    expect(length > 0 && index.size() == 500, "the containers hold what was put in");
    (void)number;
}

static void exceptions() {
    int caught = 0;
    for (int i = 0; i < 2000; i++) {
        try {
            auto block = std::make_unique<std::vector<int>>(i % 1000);
            throw std::runtime_error(std::string(i % 300, 'e'));
        } catch (const std::runtime_error &error) {
            caught += std::string(error.what()).size() == size_t(i % 300);
        }
    }
    expect(caught == 2000, "every exception arrives whole");
    volatile size_t huge = std::numeric_limits<size_t>::max() / 4;
    try {
        delete[] new char[huge];
        expect(false, "new of far too much throws");
    } catch (const std::bad_alloc &) {
    }
    expect(new (std::nothrow) char[huge] == nullptr, "nothrow new gives a null pointer");
}

static void alignment() {
    std::vector<std::unique_ptr<Wide>> wides;
    for (int i = 0; i < 500; i++) {
        wides.push_back(std::make_unique<Wide>());
        expect(reinterpret_cast<std::uintptr_t>(wides.back().get()) % 256 == 0, "aligned new");
    }
}

int main() {
    std::vector<std::thread> threads;
    for (int i = 0; i < 6; i++)
        threads.emplace_back([i] {
            containers(i);
            exceptions();
            alignment();
        });
    for (auto &thread : threads) thread.join();
    std::exception_ptr kept;
    std::thread([&kept] {
        try {
            throw std::logic_error("outlives its thread");
        } catch (...) {
            kept = std::current_exception();
        }
    }).join();
    try {
        std::rethrow_exception(kept);
    } catch (const std::logic_error &error) {
        expect(std::string(error.what()) == "outlives its thread", "an exception crosses threads");
    }
    return wrong;
}
