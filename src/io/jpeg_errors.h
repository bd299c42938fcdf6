#pragma once

#include <csetjmp>
#include <cstdio>  // jpeglib.h needs it

#include <jpeglib.h>

namespace loopline::io {

/// libjpeg reports an error by a call that must not return.
struct JpegErrors {
  jpeg_error_mgr manager;  // first: libjpeg knows the whole by this address
  std::jmp_buf escape;
  char message[JMSG_LENGTH_MAX];
};

/// For `manager.error_exit`: jumps to `escape`. The functions in between must own nothing.
[[noreturn]] inline void escape_with_message(j_common_ptr codec) {
  auto* errors = reinterpret_cast<JpegErrors*>(codec->err);
  codec->err->format_message(codec, errors->message);
  std::longjmp(errors->escape, 1);
}

}  // namespace loopline::io
