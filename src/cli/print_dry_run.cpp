#include "print_dry_run.h"

#include <cstdio>

#include "loopline/core/text.h"

namespace loopline::cli {

void print_dry_run(const nlohmann::ordered_json& result, bool as_json) {
  if (as_json) {
    std::printf("%s\n", result.dump(2).c_str());
    return;
  }
  const auto count = [](const nlohmann::ordered_json& value) {
    return static_cast<long long>(value.get<std::int64_t>());
  };
  const auto time = [&](const char* key) {
    return human_duration(result["seconds"][key].get<double>());
  };
  const auto bytes = [&](const char* key) {
    return human_bytes(result["bytes"][key].get<double>());
  };
  const auto& iteration = result["iteration"];
  std::printf(
      "%s on %s (%s, %s, %lld threads), %lld prompts\n",
      result["algorithm"].get<std::string>().c_str(), result["model"].get<std::string>().c_str(),
      result["device"].get<std::string>().c_str(), result["precision"].get<std::string>().c_str(),
      count(result["threads"]), count(result["prompts"]));
  std::printf("parameters    %lld trained of %lld\n", count(result["parameters"]["trainable"]),
              count(result["parameters"]["total"]));
  std::printf("an iteration  %lld images: %lld groups of %lld, %lld steps\n",
              count(iteration["images"]), count(iteration["groups"]),
              count(iteration["group_size"]), count(iteration["steps"]));
  std::printf("              %lld forwards to sample; %lld pairs in %lld updates, %lld backwards\n",
              count(iteration["forwards"]), count(iteration["pairs"]), count(iteration["updates"]),
              count(iteration["backwards"]));
  std::printf(
      "time          %s an iteration (sampling %s, judging beside it %s, reference "
      "%s, update %s)\n",
      time("iteration").c_str(), time("sampling").c_str(), time("judging").c_str(),
      time("reference").c_str(), time("update").c_str());
  std::printf("              %s for %lld iterations, without evaluations and pictures\n",
              time("run").c_str(), count(result["iterations"]));
  std::printf("memory        %s (measured for one micro-batch %s, trajectories and images %s)\n",
              bytes("total").c_str(), bytes("micro_batch").c_str(), bytes("trajectories").c_str());
  if (result["bytes"]["texts"].get<double>() > 0) {
    std::printf("              %s of the host's for encoded texts; the text encoder is not kept\n",
                bytes("texts").c_str());
  }
  std::printf(
      "Estimates: one micro-batch at two steps was timed here and multiplied. Nothing was "
      "written.\n");
}

}  // namespace loopline::cli
