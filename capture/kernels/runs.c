/* Equal runs of words get the same number, in order of first sight; the twin of signatures._numbered and arrays.numbered. */
#include "kernels.h"

typedef struct {
    const uint16_t *words;
    const int64_t *begin; /* each ends where the next one begins */
    uint64_t seed; /* random, so that no capture can be built to collide */
} Runs;

static uint64_t hashed(const Runs *runs, Py_ssize_t run)
{
    uint64_t mixed = runs->seed ^ (uint64_t)(runs->begin[run + 1] - runs->begin[run]);
    for (int64_t at = runs->begin[run]; at < runs->begin[run + 1]; at++) {
        mixed = (mixed ^ runs->words[at]) * 0x9E3779B97F4A7C15u;
        mixed ^= mixed >> 29;
    }
    return mixed;
}

static int alike(const Runs *runs, Py_ssize_t one, Py_ssize_t other)
{
    int64_t length = runs->begin[one + 1] - runs->begin[one];
    return length == runs->begin[other + 1] - runs->begin[other] &&
           memcmp(runs->words + runs->begin[one], runs->words + runs->begin[other], (size_t)length * 2) == 0;
}

/* How many there are; `speaker` gets the first run of each number, `number` that of each run. */
static Py_ssize_t number_all(const Runs *runs, Py_ssize_t count, int32_t *slots, uint64_t mask, int32_t *number,
                             int64_t *speaker)
{
    int32_t known = 0;
    for (Py_ssize_t run = 0; run < count; run++) {
        uint64_t slot = hashed(runs, run) & mask;
        while (slots[slot] >= 0 && !alike(runs, speaker[slots[slot]], run))
            slot = (slot + 1) & mask;
        if (slots[slot] < 0) {
            speaker[known] = run;
            slots[slot] = known++;
        }
        number[run] = slots[slot];
    }
    return known;
}

static int inside(const Runs *runs, Py_ssize_t count, int64_t size)
{
    for (Py_ssize_t run = 0; run < count; run++)
        if (runs->begin[run + 1] < runs->begin[run])
            return 0;
    return runs->begin[0] >= 0 && runs->begin[count] <= size;
}

/* (seed, runs, (words,), (begin,), (number,), (speaker,)) -> how many are distinct */
PyObject *distinct_runs(PyObject *self, PyObject *args)
{
    PyObject *text, *bounds, *numbers, *speakers, *result = NULL;
    Py_ssize_t count;
    unsigned long long seed;
    (void)self;
    if (!PyArg_ParseTuple(args, "KnOOOO", &seed, &count, &text, &bounds, &numbers, &speakers))
        return NULL;
    Columns words = {.count = 0}, ends = {.count = 0}, number = {.count = 0}, speaker = {.count = 0};
    if (count < 0 || count > INT32_MAX / 4) {
        PyErr_SetString(PyExc_ValueError, "too many runs");
        return NULL;
    }
    if (borrow(&words, text, "2", 0, 0) && borrow(&ends, bounds, "8", count + 1, 0) &&
        borrow(&number, numbers, "4", count, 1) && borrow(&speaker, speakers, "8", count, 1)) {
        Runs runs = {words.views[0].buf, ends.views[0].buf, seed};
        uint64_t size = 64;
        while (size < 2 * (uint64_t)count)
            size *= 2;
        int32_t *slots = PyMem_Malloc(size * sizeof *slots);
        if (slots == NULL) {
            PyErr_NoMemory();
        } else if (!inside(&runs, count, words.views[0].len / 2)) {
            PyErr_SetString(PyExc_ValueError, "a run is not within the words");
        } else {
            Py_ssize_t known;
            Py_BEGIN_ALLOW_THREADS
            memset(slots, 0xFF, size * sizeof *slots);
            known = number_all(&runs, count, slots, size - 1, number.views[0].buf, speaker.views[0].buf);
            Py_END_ALLOW_THREADS
            result = PyLong_FromSsize_t(known);
        }
        PyMem_Free(slots);
    }
    give_back(&speaker);
    give_back(&number);
    give_back(&ends);
    give_back(&words);
    return result;
}
