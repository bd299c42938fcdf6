#include <cstdio>
#include <cstdlib>
#include <thread>

#include "commands.h"
#include "loopline/tensor/device.h"

namespace loopline::cli {

void add_doctor(CLI::App& app, int&) {
  CLI::App* command =
      app.add_subcommand("doctor", "Versions, devices, precision support, what is missing");
  command->footer(examples({"loopline doctor"}));
  command->callback([] {
    const auto row = [](const char* name, const std::string& value) {
      std::printf("%-12s %s\n", name, value.c_str());
    };
    row("loopline", LOOPLINE_VERSION);
    row("LibTorch", tensor::torch_version());
    row("compiler", __VERSION__);
    row("cores", std::to_string(std::thread::hardware_concurrency()));
    const char* waiting = std::getenv("OMP_WAIT_POLICY");
    row("threads", std::string("wait for each other ") + (waiting ? waiting : "active") +
                       "ly (OMP_WAIT_POLICY)");
    row("CPU",
        tensor::cpu_capability() + (tensor::cpu_has_bf16()
                                        ? ", bf16 instructions"
                                        : ", no bf16 instructions: float32 is the fast precision"));
    const int devices = tensor::cuda_device_count();
    if (!tensor::built_with_cuda()) {
      row("CUDA", "not linked; LOOPLINE_CUDA=1 scripts/loopline doctor builds the CUDA flavour");
    } else if (devices == 0) {
      row("CUDA", "linked, but no device is usable: check the driver with nvidia-smi");
    } else {
      row("CUDA", std::to_string(devices) + " device(s)");
    }
    row("default", tensor::parse_device("auto").str());
  });
}

}  // namespace loopline::cli
