#include "probe.h"

#include <ATen/ATen.h>
#include <c10/core/GradMode.h>

#include <optional>

#include "loopline/core/error.h"
#include "loopline/tensor/json_tensor.h"

namespace loopline::denoiser {
namespace {

constexpr std::int64_t kRows = 3;

/// Deterministic values of order one, so that the probe needs no generator.
at::Tensor wave(const std::vector<std::int64_t>& sizes, at::Device device) {
  std::int64_t count = 1;
  for (const std::int64_t size : sizes) count *= size;
  return at::sin(at::arange(count, at::TensorOptions(at::kFloat)) * 0.7310)
      .reshape(sizes)
      .to(device);
}

/// Rows of one input that a network must bear: constants as they are; else waves for floating
/// types, 0 for integers (any number of classes has a 0) and true for masks (which may not hide
/// everything). The first row has the unconditional value, where one is given.
at::Tensor probe_input(const io::InputSpec& input, at::Device device) {
  const at::ScalarType type = tensor::parse_scalar_type(input.dtype);
  std::vector<std::int64_t> sizes{kRows};
  sizes.insert(sizes.end(), input.shape.begin(), input.shape.end());
  const auto value = [&](const nlohmann::json& json) {
    return tensor::tensor_from_json(json, input.shape, type, input.name);
  };
  if (input.source.kind == io::InputSource::Kind::kConstant) {
    return value(input.source.value).expand(sizes).contiguous().to(device);
  }
  at::Tensor rows = at::isFloatingType(type) ? wave(sizes, at::kCPU).to(type)
                                             : at::full(sizes, type == at::kBool ? 1 : 0, type);
  if (input.unconditional.kind == io::Unconditional::Kind::kValue) {
    rows[0].copy_(value(input.unconditional.value));
  }
  return rows.to(device);
}

/// The network under questions: latents and conditions of kRows rows that all differ.
class Subject {
 public:
  explicit Subject(Denoiser& denoiser) : denoiser_(denoiser) {
    const io::LatentSpec& latent = denoiser.spec().latent;
    latents_ = wave({kRows, latent.channels, latent.height, latent.width}, denoiser.device());
    for (const io::InputSpec& input : denoiser.spec().inputs) {
      condition_.add(input.name, probe_input(input, denoiser.device()));
    }
  }

  /// The output for the rows `rows` with these timesteps.
  at::Tensor predict(const std::vector<std::int64_t>& rows,
                     const std::vector<std::int64_t>& timesteps) {
    const at::Tensor index = at::tensor(rows, at::kLong).to(denoiser_.device());
    return denoiser_.predict(latents_.index_select(0, index),
                             at::tensor(timesteps, at::kLong).to(denoiser_.device()),
                             condition_.select(index));
  }

  /// The same, or nothing and why.
  std::optional<at::Tensor> try_predict(const std::vector<std::int64_t>& rows,
                                        const std::vector<std::int64_t>& timesteps,
                                        std::optional<Error>& error) {
    try {
      return predict(rows, timesteps);
    } catch (const Error& caught) {
      error = caught;
      return std::nullopt;
    }
  }

  const io::ModelBundle& bundle() const { return denoiser_.spec(); }
  std::string where() const { return bundle().denoiser.string(); }

 private:
  Denoiser& denoiser_;
  at::Tensor latents_;
  Condition condition_;
};

/// What an Error of `where` says, without saying where again.
std::string reason(const Error& error, const std::string& where) {
  const std::string text = error.what(), prefix = where + ": ";
  return text.rfind(prefix, 0) == 0 ? text.substr(prefix.size()) : text;
}

/// The largest difference when it is more than rounding, which depends on the batch size.
std::optional<double> difference(const at::Tensor& a, const at::Tensor& b) {
  const double largest = (a - b).abs().max().item<double>();
  if (largest <= 1e-3 * (1 + b.abs().max().item<double>())) return std::nullopt;
  return largest;
}

/// Recomputation runs the segments in forward's place: `expected` is what that gives for `t`.
void probe_segments(Denoiser& denoiser, Subject& subject, std::int64_t t,
                    const at::Tensor& expected) {
  const at::AutoGradMode recording(true);
  const std::string where = subject.where();
  denoiser.set_recompute(true);
  std::optional<Error> error;
  const auto output = subject.try_predict({0, 1, 2}, {t, t, t}, error);
  denoiser.set_recompute(false);
  const std::string todo = "check `segments` in bundle.json, names and order, against its methods";
  if (!output) {
    throw Error(
        where, "the segments do not run one after the other (" + reason(*error, where) + ")", todo);
  }
  if (const auto apart = difference(output->detach(), expected)) {
    throw Error(
        where,
        "the segments give another output than forward: they differ by " + std::to_string(*apart),
        todo);
  }
}

/// The output of three rows with timestep `t`, and of the last of them alone.
struct Outputs {
  at::Tensor together, alone;
};

Outputs outputs_of(Subject& subject, std::int64_t t) {
  std::optional<Error> error;
  const auto together = subject.try_predict({0, 1, 2}, {t, t, t}, error);
  std::optional<Error> alone_error;
  const auto alone = subject.try_predict({2}, {t}, alone_error);
  if (together && alone) return {*together, *alone};
  const std::string where = subject.where();
  std::optional<Error> ignored;
  const bool two = !together && !alone && subject.try_predict({1, 2}, {t, t}, ignored);
  if (together || alone || two) {
    const Error& failed = together ? *alone_error : *error;
    throw Error(where,
                std::string("the batch size is baked into the file: it runs on ") +
                    (together ? "3 rows"
                     : alone  ? "1 row"
                              : "2 rows") +
                    " and fails on " + (together ? "1" : "3") + " (" + reason(failed, where) + ")",
                "take sizes from the arguments (x.shape[0]), not from numbers that the trace "
                "remembers, and trace with 2 rows");
  }
  if (error->exit_code() == ExitCode::kWrongUse) throw *error;
  throw Error(where, "the network does not run on a batch of 3 (" + reason(*error, where) + ")",
              "check `latent`, `timestep` and `inputs` in bundle.json against its forward");
}

}  // namespace

void probe(Denoiser& denoiser) {
  const at::NoGradGuard no_grad;
  Subject subject(denoiser);
  const std::string where = subject.where();
  const std::int64_t last = subject.bundle().schedule.train_steps - 1, middle = last / 2;
  const Outputs outputs = outputs_of(subject, middle);
  if (!outputs.together.isfinite().all().item<bool>()) {
    throw Error(where, "the output is not finite for inputs of order one",
                "check `latent.scaling` and `timestep` in bundle.json, and the weights");
  }
  if (difference(subject.predict({0, 1, 2}, {middle, middle, middle}), outputs.together)) {
    throw Error(where, "the same input gives different outputs: the network draws random numbers",
                "export it in eval mode, network.eval(), so that dropout is off");
  }
  if (const auto apart = difference(outputs.together[2], outputs.alone[0])) {
    throw Error(where,
                "rows of a batch influence each other: a row in a batch of 3 differs from the same "
                "row alone by " +
                    std::to_string(*apart),
                "export in eval mode, network.eval(): in train mode normalisation takes its "
                "statistics from the batch; and let no operation mix rows");
  }
  if (!subject.bundle().segments.empty()) {
    probe_segments(denoiser, subject, middle, outputs.together);
  }
  if (!subject.bundle().timestep.per_sample) return;
  // Equal timesteps agree up to here, so what differs now is the timesteps' doing.
  const std::string shared = "one timestep is shared by the batch: with mixed timesteps ";
  const std::string todo =
      "export with a timestep a sample, a tensor [N], or set timestep.batch: scalar in bundle.json";
  std::optional<Error> error;
  const auto mixed = subject.try_predict({0, 1, 2}, {last, last / 10, middle}, error);
  if (!mixed) throw Error(where, shared + "it fails (" + reason(*error, where) + ")", todo);
  auto apart = difference((*mixed)[2], outputs.alone[0]);
  if (!apart) apart = difference((*mixed)[0], subject.predict({0}, {last})[0]);
  if (apart) {
    throw Error(where, shared + "a row differs from itself alone by " + std::to_string(*apart),
                todo);
  }
}

void check_runs(Denoiser& denoiser, const std::string& change) {
  const at::NoGradGuard no_grad;
  Subject subject(denoiser);
  std::optional<Error> error;
  if (!subject.try_predict({0, 1, 2}, {1, 1, 1}, error)) {
    const std::string where = subject.where();
    throw Error(where,
                "the network does not run with " + change + " (" + reason(*error, where) + ")");
  }
}

}  // namespace loopline::denoiser
