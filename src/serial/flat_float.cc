// Floats by libraries: the shortest digits by dragonbox, reading by fast_float.
// Compiled without exceptions and run-time types, so that only libc is linked.
#include "shoal/flat_float.h"

#include <cstring>

#include "dragonbox/dragonbox.h"
#include "fast_float/fast_float.h"

extern "C" {
#include "flat_digits.h"
}

namespace {

char *copy(char *room, const char *text, int size) {
    std::memcpy(room, text, static_cast<std::size_t>(size));
    return room + size;
}

char *zeros(char *room, int count) {
    std::memset(room, '0', static_cast<std::size_t>(count));
    return room + count;
}

// d.ddde+XX: one digit, the others behind a point, at least two digits of exponent.
char *with_exponent(char *room, const char *digits, int count, int exponent) {
    *room++ = *digits;
    if (count > 1) {
        *room++ = '.';
        room = copy(room, digits + 1, count - 1);
    }
    *room++ = 'e';
    *room++ = exponent < 0 ? '-' : '+';
    if (exponent < 0) exponent = -exponent;
    if (exponent < 10) *room++ = '0';
    char text[FLAT_MOST_DIGITS], *end = text + sizeof text;
    const char *start = flat_digits_before(end, static_cast<std::uint64_t>(exponent));
    return copy(room, start, static_cast<int>(end - start));
}

// The point is behind `before` of `count` digits, which may be none or more than all.
char *with_point(char *room, const char *digits, int count, int before, bool point) {
    if (before <= 0) {
        room = copy(room, "0.", 2);
        room = zeros(room, -before);
        return copy(room, digits, count);
    }
    if (before < count) {
        room = copy(room, digits, before);
        *room++ = '.';
        return copy(room, digits + before, count - before);
    }
    room = copy(room, digits, count);
    room = zeros(room, before - count);
    return point ? copy(room, ".0", 2) : room;
}

} // namespace

extern "C" char *flat_float_write(double value, bool point, char *room) {
    if (__builtin_signbit(value)) *room++ = '-';
    if (value == 0) return copy(room, "0.0", point ? 3 : 1);
    auto decimal = jkj::dragonbox::to_decimal(value, jkj::dragonbox::policy::sign::ignore);
    char text[FLAT_MOST_DIGITS], *end = text + sizeof text;
    const char *digits = flat_digits_before(end, decimal.significand);
    int count = static_cast<int>(end - digits), before = count + decimal.exponent;
    // As repr: an exponent from 1e16 on, and below 1e-4.
    if (before > 16 || before <= -4) return with_exponent(room, digits, count, before - 1);
    return with_point(room, digits, count, before, point);
}

extern "C" bool flat_float_of_digits(std::uint64_t digits, int exponent, double *value) {
#ifdef SHOAL_FLOAT_OF_DIGITS
    auto found = fast_float::compute_float<fast_float::binary_format<double>>(exponent, digits);
    if (found.power2 < 0) return false;
    fast_float::to_float(false, found, *value);
    return true;
#else
    static_cast<void>(digits), static_cast<void>(exponent), static_cast<void>(value);
    return false;
#endif
}

extern "C" size_t flat_float_read(const unsigned char *text, size_t size, double *value) {
    const char *start = reinterpret_cast<const char *>(text);
    return static_cast<size_t>(fast_float::from_chars(start, start + size, *value).ptr - start);
}
