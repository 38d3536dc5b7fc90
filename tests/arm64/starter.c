/* Stands where a program of another machine is, and starts it under qemu-user, which does not
 * see to what a program starts: that would be the kernel's to do, and needs a right. What is
 * preloaded is for the program alone, not for this or for qemu. Defined are QEMU, the emulator,
 * ROOT, where the program finds its libraries, and PROGRAM, the path of the program itself. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { MOST = 4096 };

int main(int argc, char **argv) {
    static char preload[MOST];
    const char *words[MOST] = {QEMU, "-L", ROOT, "-0", argv[0]};
    const char *wanted = getenv("LD_PRELOAD");
    int used = 5;
    if (wanted) {
        snprintf(preload, sizeof preload, "LD_PRELOAD=%s", wanted);
        words[used++] = "-E";
        words[used++] = preload;
        unsetenv("LD_PRELOAD");
    }
    words[used++] = PROGRAM;
    for (int i = 1; i < argc && used < MOST - 1; i++) words[used++] = argv[i];
    execv(QEMU, (char **)words);
    perror(QEMU);
    return 127;
}
