#pragma once

#include "loopline/train/config.h"

namespace loopline::train {

/// The options that say what a run leaves behind and when it ends: they change no weight.
void describe_outputs(config::OptionVisitor& visitor, TrainConfig& config);

}  // namespace loopline::train
