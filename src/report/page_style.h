#pragma once

namespace loopline::report::page {

/// The style sheet: light and dark, narrow and wide, paper.
extern const char* const kStyle;

}  // namespace loopline::report::page
