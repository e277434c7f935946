/* The choices of a driver that acts at random: from a seed or, in a fuzz target (fuzz/), from the fuzzer's bytes. With
 * -DREPLAYED=FUNCTION the driver is a program that takes them from files which the fuzzer has left. */
#ifndef TESTS_CHOICES_H
#define TESTS_CHOICES_H

#include <stddef.h>

#ifdef REPLAYED
#define FUZZED
#include <stdio.h>

void REPLAYED(const unsigned char *bytes, size_t len);

int main(int argc, char **argv) {
    static unsigned char bytes[1 << 16];
    for (int i = 1; i < argc; i++) {
        FILE *file = fopen(argv[i], "rb");
        if (file == NULL) return 2;
        REPLAYED(bytes, fread(bytes, 1, sizeof bytes, file));
        fclose(file);
    }
    return argc == 1;
}
#endif

#ifdef FUZZED

static struct {
    const unsigned char *bytes;
    size_t left;
} choices;

static int choices_remain(void) { return choices.left > 0; }

/* Once the bytes have run out every choice is the last one, so that the likely things happen and loops end. */
static unsigned below(unsigned n) {
    unsigned choice = 0;
    size_t size = n > 256 ? 2 : 1;
    if (choices.left < size) {
        choices.left = 0;
        return n - 1;
    }
    for (choices.left -= size; size > 0; size--) choice = choice << 8 | *choices.bytes++;
    return choice % n;
}

#else

static unsigned long long choices;

static int choices_remain(void) { return 1; }

static unsigned below(unsigned n) {
    choices = choices * 6364136223846793005ull + 1442695040888963407ull;
    return (unsigned)(choices >> 33) % n;
}

static void choose_from(unsigned long long seed) {
    choices = seed * 0x9e3779b97f4a7c15ull + 1;
    below(1);
}

#endif

static int one_in(unsigned n) { return below(n) == 0; }

#endif
