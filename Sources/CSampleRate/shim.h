// libsamplerate: the second resampling engine and the oracle our own is tested against.
#include <samplerate.h>
