/* A hash table of 5-tuples with their scope; the twin of Conversations._find, whose table and hash it uses. */
#include "kernels.h"

typedef struct {
    int64_t *lower, *upper;
    int32_t *scope, *slots;
    uint64_t mask;
    int64_t a, b, c; /* random multipliers, so that no capture can be built to collide */
    int32_t count;
} Table;

static inline int64_t times(int64_t left, int64_t right) { return (int64_t)((uint64_t)left * (uint64_t)right); }
static inline int64_t plus(int64_t left, int64_t right) { return (int64_t)((uint64_t)left + (uint64_t)right); }

static uint64_t hashed(const Table *table, int64_t lower, int64_t upper, int32_t scope)
{
    int64_t mixed = times(lower, table->a);
    mixed ^= mixed >> 29;
    mixed = plus(mixed, times(upper, table->b));
    mixed = plus(mixed, times(scope, table->c));
    mixed ^= mixed >> 31;
    mixed = times(mixed, table->a);
    return (uint64_t)(mixed >> 24);
}

static inline int64_t end_of(int64_t address, uint16_t port) { return plus(times(address, 65536), port); }

typedef struct {
    int64_t lower, upper;
    uint64_t slot;
    int32_t scope;
} Key;

static int32_t number(Table *table, const Key *key)
{
    for (uint64_t slot = key->slot;; slot = (slot + 1) & table->mask) {
        int32_t here = table->slots[slot];
        if (here < 0 || here >= table->count) {
            here = table->slots[slot] = table->count++;
            table->lower[here] = key->lower;
            table->upper[here] = key->upper;
            table->scope[here] = key->scope;
            return here;
        }
        if (table->lower[here] == key->lower && table->upper[here] == key->upper && table->scope[here] == key->scope)
            return here;
    }
}

enum { TOGETHER = 32 }; /* packets whose places in the table are fetched before the first of them is looked up */

static void number_all(Table *table, const Columns *block, Py_ssize_t rows, int32_t *key)
{
    const int64_t *src = block->views[0].buf, *dst = block->views[1].buf;
    const uint16_t *sport = block->views[2].buf, *dport = block->views[3].buf;
    const int32_t *scope = block->views[4].buf;
    Key keys[TOGETHER];
    for (Py_ssize_t begin = 0; begin < rows; begin += TOGETHER) {
        Py_ssize_t count = rows - begin < TOGETHER ? rows - begin : TOGETHER;
        for (Py_ssize_t i = 0; i < count; i++) {
            Py_ssize_t row = begin + i;
            int64_t source = end_of(src[row], sport[row]), target = end_of(dst[row], dport[row]);
            int swapped = source > target;
            Key *wanted = &keys[i];
            *wanted = (Key){swapped ? target : source, swapped ? source : target, 0, scope[row]};
            wanted->slot = hashed(table, wanted->lower, wanted->upper, wanted->scope) & table->mask;
            __builtin_prefetch(&table->slots[wanted->slot]);
            key[row] = swapped;
        }
        for (Py_ssize_t i = 0; i < count; i++) {
            int32_t here = table->slots[keys[i].slot];
            if (here >= 0 && here < table->count) {
                __builtin_prefetch(&table->lower[here]);
                __builtin_prefetch(&table->upper[here]);
            }
        }
        for (Py_ssize_t i = 0; i < count; i++)
            key[begin + i] |= (int32_t)((uint32_t)number(table, &keys[i]) << 1);
    }
}

/* ((lower, upper, scope, slots), count, multipliers, rows, (src, dst, sport, dport, scope), (key,)) -> count
 *
 * `key` becomes conversation << 1 | sent by its upper end. The table has room for `rows` more, and a free slot. */
PyObject *conversations(PyObject *self, PyObject *args)
{
    PyObject *kept, *packets, *keys, *result = NULL;
    Table table;
    Py_ssize_t rows, known;
    long long a, b, c;
    (void)self;
    if (!PyArg_ParseTuple(args, "On(LLL)nOO", &kept, &known, &a, &b, &c, &rows, &packets, &keys))
        return NULL;
    if (known < 0 || rows < 0 || known > INT32_MAX / 2 - rows) {
        PyErr_SetString(PyExc_ValueError, "too many conversations");
        return NULL;
    }
    Columns own = {.count = 0}, block = {.count = 0}, out = {.count = 0};
    if (borrow(&own, kept, "8844", known + rows, 1) && borrow(&block, packets, "88224", rows, 0) &&
        borrow(&out, keys, "4", rows, 1)) {
        uint64_t size = (uint64_t)(own.views[3].len / 4);
        if (size & (size - 1) || size <= (uint64_t)(known + rows)) {
            PyErr_SetString(PyExc_ValueError, "the slots are no power of two, or too few");
        } else {
            table = (Table){own.views[0].buf, own.views[1].buf, own.views[2].buf, own.views[3].buf, size - 1,
                            a, b, c, (int32_t)known};
            Py_BEGIN_ALLOW_THREADS
            number_all(&table, &block, rows, out.views[0].buf);
            Py_END_ALLOW_THREADS
            result = PyLong_FromLong(table.count);
        }
    }
    give_back(&out);
    give_back(&block);
    give_back(&own);
    return result;
}
