#include "segments.h"

#include <torch/csrc/autograd/autograd.h>
#include <torch/csrc/autograd/custom_function.h>

#include "loopline/core/error.h"

namespace loopline::denoiser {
namespace {

using Tensors = std::vector<at::Tensor>;
using torch::autograd::AutogradContext;
using torch::autograd::variable_list;

/// One segment, as the graph keeps it for the backward pass.
struct Segment : torch::CustomClassHolder {
  std::shared_ptr<const tensor::ScriptModule> module;
  std::string method;
  at::Device device = at::kCPU;
  tensor::Precision precision = tensor::Precision::kFloat32;

  /// Records whatever the thread's mode is: a backward pass switches recording off.
  Tensors run(const Tensors& inputs) const {
    const at::AutoGradMode recording(true);
    const tensor::AutocastScope autocast(device, precision);
    return module->call_method_all(method, inputs);
  }
};

/// The same values as leaves, so that what is computed from them is a graph of its own.
Tensors cut(const Tensors& inputs) {
  Tensors leaves;
  for (const at::Tensor& input : inputs) {
    leaves.push_back(input.detach().set_requires_grad(input.requires_grad()));
  }
  return leaves;
}

/// Position of `output` among the leaves, for outputs that are inputs handed on.
std::optional<std::size_t> handed_on(const at::Tensor& output, const Tensors& leaves) {
  for (std::size_t i = 0; i < leaves.size(); ++i) {
    if (output.is_same(leaves[i])) return i;
  }
  return std::nullopt;
}

/// Outputs that the segment computed with a gradient, in their order.
Tensors recorded(const Tensors& outputs, const Tensors& leaves) {
  Tensors chosen;
  for (const at::Tensor& output : outputs) {
    if (output.requires_grad() && !handed_on(output, leaves)) chosen.push_back(output);
  }
  return chosen;
}

/// A segment in the graph of the whole: its inputs and how to compute it again.
struct Recomputation : torch::autograd::Function<Recomputation> {
  static constexpr std::size_t kFirstInput = 3;  ///< arguments of forward before the inputs

  /// `values` are the recorded outputs, without their graph. `anchor` requires a gradient: the
  /// inputs need not.
  static variable_list forward(AutogradContext* context, const c10::intrusive_ptr<Segment>& segment,
                               const Tensors& values, const at::Tensor& /*anchor*/,
                               at::TensorList inputs) {
    context->saved_data["segment"] = at::IValue::make_capsule(segment);
    context->save_for_backward(inputs.vec());
    context->set_materialize_grads(false);
    return values;
  }

  static variable_list backward(AutogradContext* context, const variable_list& incoming) {
    const auto segment =
        c10::static_intrusive_pointer_cast<Segment>(context->saved_data.at("segment").toCapsule());
    const Tensors leaves = cut(context->get_saved_variables());
    variable_list gradients(kFirstInput + leaves.size());
    Tensors roots, root_gradients;
    {
      const Tensors outputs = recorded(segment->run(leaves), leaves);
      LOOPLINE_CHECK(outputs.size() == incoming.size(), "a segment recorded otherwise before");
      for (std::size_t i = 0; i < outputs.size(); ++i) {
        if (!incoming[i].defined()) continue;  // nobody used this output
        roots.push_back(outputs[i]);
        root_gradients.push_back(incoming[i]);
      }
    }
    if (!roots.empty()) torch::autograd::backward(roots, root_gradients);
    for (std::size_t i = 0; i < leaves.size(); ++i) {
      if (leaves[i].requires_grad()) gradients[kFirstInput + i] = leaves[i].grad();
    }
    return gradients;
  }
};

/// The outputs of a segment, attached to the graph by a Recomputation. Recording it and dropping
/// that graph at once tells which outputs have gradients, and takes no more memory than computing
/// it again will.
Tensors run_forgetful(const c10::intrusive_ptr<Segment>& segment, const Tensors& inputs,
                      const std::string& file) {
  const Tensors leaves = cut(inputs);
  std::vector<std::uint32_t> versions;
  for (const at::Tensor& leaf : leaves) versions.push_back(leaf._version());
  Tensors outputs = segment->run(leaves), values;
  for (std::size_t i = 0; i < leaves.size(); ++i) {
    if (leaves[i]._version() == versions[i]) continue;
    throw Error(file,
                segment->method + " changes its argument " + std::to_string(i) +
                    " in place, so that it cannot be computed again",
                "let it begin with an operation that is not in place");
  }
  for (at::Tensor& output : outputs) {
    if (const auto i = handed_on(output, leaves)) {
      output = inputs[*i];
    } else if (output.requires_grad()) {
      values.push_back(output.variable_data());
      output = at::Tensor();
    }
  }
  if (values.empty()) return outputs;
  const at::Tensor anchor = at::empty({0}).set_requires_grad(true);
  const Tensors attached = Recomputation::apply(segment, values, anchor, at::TensorList(inputs));
  for (std::size_t i = 0, next = 0; i < outputs.size(); ++i) {
    if (!outputs[i].defined()) outputs[i] = attached[next++];
  }
  return outputs;
}

}  // namespace

at::Tensor forward_recomputed(const Segments& segments, const Tensors& arguments) {
  Tensors tensors = arguments;
  for (std::size_t i = 0; i + 1 < segments.methods.size(); ++i) {
    auto segment = c10::make_intrusive<Segment>();
    segment->module = segments.module;
    segment->method = segments.methods[i];
    segment->device = segments.device;
    segment->precision = segments.precision;
    tensors = run_forgetful(segment, tensors, segments.file);
  }
  // The backward pass begins with the last one: it is recorded as any network.
  const tensor::AutocastScope autocast(segments.device, segments.precision);
  return segments.module->call_method(segments.methods.back(), tensors, segments.output_index);
}

}  // namespace loopline::denoiser
