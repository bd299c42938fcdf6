#include "stb.h"

// stb's headers, included once more with these names defined, are its source code. They stand among
// the system's headers, so their warnings are silent.
#define STB_IMAGE_IMPLEMENTATION
#include <stb/stb_image.h>
#define STB_IMAGE_WRITE_IMPLEMENTATION
#include <stb/stb_image_write.h>
