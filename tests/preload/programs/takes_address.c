/* Where it is not position-independent, malloc's address is a stub in this program. */
#include <stdio.h>
#include <stdlib.h>

__attribute__((noinline)) static void use(void *(*take)(size_t)) {
    if (take(10)) puts("ran");
}

int main(void) {
    use(malloc);
    return 0;
}
