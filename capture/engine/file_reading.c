/* A file's bytes, in pieces so small that they stay in the processor's cache beside what is made of them. */
#include <errno.h>
#include <stdlib.h>

#if defined(_WIN32)
#include <io.h>
#define read _read
#else
#include <unistd.h>
#endif

#include "container.h"

enum { PIECE = 1 << 17 };

int reader_feed_file(struct reader *reader, int file, uint64_t most, uint64_t *taken, int *error)
{
  int status = READER_ON;
  *taken = 0;
  *error = 0;
  if (!reader->piece && !(reader->piece = malloc(PIECE)))
    return READER_NO_MEMORY;
  while (status == READER_ON && *taken < most) {
    int64_t got = read(file, reader->piece, PIECE);
    if (got < 0 && errno == EINTR)
      continue;
    if (got < 0)
      *error = errno;
    if (got <= 0)
      break;
    *taken += (uint64_t)got;
    status = reader_feed(reader, reader->piece, (size_t)got);
  }
  return status;
}
