#ifdef KCONVERT_NO_SYSTEM_LIBRARIES
#error "a part that should do without system libraries includes this one"
#endif
#include <protobuf-c/protobuf-c.h>
