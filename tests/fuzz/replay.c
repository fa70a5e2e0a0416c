/* In place of libFuzzer: gives a target each file of the folders that are named, and tells
 * which, so that the last one told is the one that broke it.
 *   usage: <target> FOLDER... */
#include "tests/fuzz/fuzz.h"

#include <dirent.h>
#include <errno.h>

enum { PATH_BYTES = 1024, INPUT_BYTES = 1 << 20 };

static void replay_file(const char *path) {
    static uint8_t input[INPUT_BYTES];
    FILE *file = fopen(path, "rb");

    printf("%s\n", path);
    fflush(stdout);
    must(file);
    size_t size = fread(input, 1, sizeof(input), file);
    must(feof(file) || size < sizeof(input));
    fclose(file);
    uint8_t *exact = (uint8_t *)fuzz_bytes(input, size);
    LLVMFuzzerTestOneInput(exact, size);
    free(exact);
}

/* returns  how many files it has; 0: there is no such folder */
static int replay_folder(const char *path) {
    struct dirent **entries = NULL;
    int count = scandir(path, &entries, NULL, alphasort), files = 0;

    for (int i = 0; i < count; i++) {
        char name[PATH_BYTES];
        snprintf(name, sizeof(name), "%s/%s", path, entries[i]->d_name);
        if (entries[i]->d_name[0] != '.') replay_file(name), files++;
        free(entries[i]);
    }
    free(entries);
    return files;
}

int main(int argc, char **argv) {
    int files = 0;

    for (int i = 1; i < argc; i++) {
        int more = replay_folder(argv[i]);
        if (more == 0) return fprintf(stderr, "%s: no inputs there\n", argv[i]), 1;
        files += more;
    }
    printf("%d inputs\n", files);
    return files ? 0 : 1;
}
