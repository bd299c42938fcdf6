#pragma once

#include <string>

#include "loopline/denoiser/denoiser.h"

namespace loopline::denoiser {

/// Asks a network that was just loaded whether rows are computed as the manifest says, each by
/// itself. An Error says what is wrong with the export and how to repair it.
void probe(Denoiser& denoiser);

/// One forward of made-up rows; when it fails, an Error says that `change` is what the network does
/// not bear.
void check_runs(Denoiser& denoiser, const std::string& change);

}  // namespace loopline::denoiser
