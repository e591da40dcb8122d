// What Talkpath uses of PostgreSQL's client library: connections without blocking, statements with values apart.
#include <libpq-fe.h>
