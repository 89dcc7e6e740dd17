/* A program that runs several CPythons, each in a thread of its own: its arguments are, of each, the library, the folder that it
   is installed in, and the code. It is ready when all of them say so, by a byte to the descriptor 100, and ends with its input. */
#include <dlfcn.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static void *run(void *argument)
{
    char **words = argument;
    void *library = dlopen(words[0], RTLD_NOW | RTLD_LOCAL);
    if (library == NULL) {
        fprintf(stderr, "%s\n", dlerror());
        exit(9);
    }
    void (*initialize)(int) = (void (*)(int))dlsym(library, "Py_InitializeEx");
    int (*run_string)(const char *, void *) = (int (*)(const char *, void *))dlsym(library, "PyRun_SimpleStringFlags");
    initialize(0);
    _exit(run_string(words[2], NULL));
}

int main(int count, char **words)
{
    int ends[2], moved;
    if (pipe(ends) != 0 || (moved = dup2(ends[1], 100)) != 100)
        return 8;
    for (int at = 1; at + 2 < count; at += 3) {
        pthread_t thread;
        char byte;
        setenv("PYTHONHOME", words[at + 1], 1);
        if (pthread_create(&thread, NULL, run, words + at) != 0 || read(ends[0], &byte, 1) != 1)
            return 7;
    }
    puts("ready");
    fflush(stdout);
    pause();
}
