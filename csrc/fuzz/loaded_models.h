/* The small models of the corpus, there before the first input. */
#ifndef EE_LOADED_MODELS_H
#define EE_LOADED_MODELS_H
#include "fuzz.h"

int LLVMFuzzerInitialize(int *argc, char ***argv);

static fuzz_model models[FUZZ_MODELS];
static uint32_t n_models;

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
    (void)argc;
    (void)argv;
    n_models = fuzz_load_all(models);
    return 0;
}
#endif
