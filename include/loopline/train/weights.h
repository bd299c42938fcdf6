#pragma once

#include <cstdint>
#include <filesystem>
#include <string>

#include "loopline/denoiser/model.h"
#include "loopline/run/run_directory.h"
#include "loopline/tensor/tensor_file.h"
#include "loopline/train/plan.h"
#include "loopline/train/weights_choice.h"

namespace loopline::train {

/// What a run's network holds where it differs from its bundle.

/// The weights that the run started from, init.safetensors; empty: the bundle's own.
tensor::NamedTensors initial_weights(const run::RunDirectory& directory);

struct TrainedWeights {
  tensor::NamedTensors tensors;  ///< the initial weights, trained ones laid over them
  std::int64_t iteration = 0;    ///< of their checkpoint
};

/// The weights of one checkpoint. What the run does not have is an Error.
TrainedWeights trained_weights(const run::RunDirectory& directory, const WeightsChoice& which = {});

/// Copies weights into the network, parameter by parameter. A name, shape or dtype that the network
/// does not have is an Error (exit 1) that names `where`.
void lay_over(const tensor::NamedTensors& weights, denoiser::Denoiser& denoiser,
              const std::string& where);

/// The model of a plan on its device and in its precision, with the weights that it starts from.
denoiser::Model load_network(const TrainPlan& plan, const tensor::NamedTensors& initial);

/// SHA-256 over names, shapes and bytes; "" of no tensors.
std::string content_hash(const tensor::NamedTensors& weights);

}  // namespace loopline::train
