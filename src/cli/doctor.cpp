#include <cstdio>
#include <cstdlib>
#include <thread>

#include "commands.h"
#include "loopline/core/text.h"
#include "loopline/tensor/cuda_build.h"
#include "loopline/tensor/cuda_driver.h"
#include "loopline/tensor/cuda_options.h"
#include "loopline/tensor/device.h"

namespace loopline::cli {
namespace {

constexpr const char* kBuildForCuda = "LOOPLINE_CUDA=1 scripts/loopline doctor";
constexpr int kBf16Capability = 80;

/// Change what CUDA and LibTorch do, whatever a config says.
constexpr const char* kCudaVariables[] = {"CUDA_VISIBLE_DEVICES",    "NVIDIA_TF32_OVERRIDE",
                                          "CUBLAS_WORKSPACE_CONFIG", "CUDA_LAUNCH_BLOCKING",
                                          "PYTORCH_ALLOC_CONF",      "PYTORCH_CUDA_ALLOC_CONF"};

void row(const std::string& name, const std::string& value) {
  std::printf("%-12s %s\n", name.c_str(), value.c_str());
}

void print_cpu() {
  row("cores", std::to_string(std::thread::hardware_concurrency()));
  const char* waiting = std::getenv("OMP_WAIT_POLICY");
  row("threads", std::string("wait for each other ") + (waiting ? waiting : "active") +
                     "ly (OMP_WAIT_POLICY)");
  row("CPU",
      tensor::cpu_capability() + (tensor::cpu_has_bf16()
                                      ? ", bf16 instructions"
                                      : ", no bf16 instructions: float32 is the fast precision"));
}

void print_driver(const tensor::CudaBuild& build, const tensor::CudaDriver& driver) {
  const std::string version =
      driver.version == 0 ? "" : "supports CUDA " + tensor::cuda_version_text(driver.version);
  const std::string objection = tensor::driver_objection(build, driver);
  std::vector<std::string> clauses;
  if (!version.empty()) clauses.push_back(version);
  if (!objection.empty()) clauses.push_back(objection);
  if (!driver.problem.empty()) clauses.push_back(driver.problem + ": " + driver.todo);
  row("GPU driver", join(clauses, "; "));
}

void print_gpu(std::size_t index, const tensor::CudaBuild& build, const tensor::Gpu& gpu) {
  const std::string objection = tensor::gpu_objection(build, gpu);
  row("GPU " + std::to_string(index),
      gpu.name + ", " + human_bytes(static_cast<double>(gpu.bytes)) + ", compute capability " +
          tensor::capability_text(gpu.capability) +
          (gpu.capability >= kBf16Capability ? ", bf16"
                                             : ", no bf16 (that begins at 8.0): use fp32") +
          (objection.empty() ? "" : "; " + objection));
}

void print_cuda(const tensor::CudaBuild& build, const tensor::CudaDriver& driver) {
  if (!build.linked) {
    row("CUDA", std::string(driver.gpus.empty() ? "not linked; "
                                                : "a GPU is here, but this build is CPU only: ") +
                    kBuildForCuda + " builds the CUDA flavour");
    return;
  }
  const int devices = tensor::cuda_device_count();
  row("CUDA", "linked, " + tensor::cuda_version_text(build.version) +
                  (devices > 0 ? ", " + std::to_string(devices) + " device(s)"
                               : ", but no device is usable: check the driver with nvidia-smi"));
}

/// Switches of a run whose config does not say otherwise.
void print_switches() {
  std::vector<std::string> set;
  for (const char* name : kCudaVariables) {
    if (const char* value = std::getenv(name)) set.push_back(std::string(name) + "=" + value);
  }
  tensor::set_cuda_options({});
  const tensor::CudaOptions options = tensor::cuda_options();
  const auto text = [](bool value) { return std::string(value ? "true" : "false"); };
  row("cuda.*", "tf32 " + text(options.tf32) + ", deterministic " + text(options.deterministic) +
                    ", benchmark " + text(options.benchmark) + ", attention " + options.attention +
                    " (what a config may change)");
  if (!set.empty()) row("environment", join(set, " "));
}

}  // namespace

void add_doctor(CLI::App& app, int&) {
  CLI::App* command =
      app.add_subcommand("doctor", "Versions, devices, precision support, what is missing");
  command->footer(
      "GPUs are NVIDIA's, as the driver describes them: a CPU build sees them, too. "
      "What is wrong stands\nbehind its name with the next step.\n" +
      examples({"loopline doctor", "CUDA_VISIBLE_DEVICES=1 loopline doctor"}));
  command->callback([] {
    row("loopline", LOOPLINE_VERSION);
    row("LibTorch", tensor::torch_version());
    row("compiler", __VERSION__);
    print_cpu();
    const tensor::CudaBuild build = tensor::cuda_build();
    const tensor::CudaDriver driver = tensor::ask_cuda_driver();
    print_driver(build, driver);
    for (std::size_t i = 0; i < driver.gpus.size(); ++i) print_gpu(i, build, driver.gpus[i]);
    print_cuda(build, driver);
    if (build.linked || !driver.gpus.empty()) print_switches();
    row("default", tensor::parse_device("auto").str());
  });
}

}  // namespace loopline::cli
