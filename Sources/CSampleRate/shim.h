// libsamplerate: the second resampling engine, and the reference in tests of our own.
#include <samplerate.h>
