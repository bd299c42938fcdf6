#include "loopline/bandit/world_log.h"

#include <algorithm>

#include "loopline/bandit/log_reader.h"
#include "loopline/core/error.h"
#include "loopline/core/interrupt.h"

namespace loopline::bandit {
namespace {

void append_part(const LogBlock& part, std::vector<LogBlock>& blocks) {
  if (blocks.empty() || blocks.back().size() + part.size() > kBlockRows) {
    blocks.push_back(part);
    return;
  }
  LogBlock& block = blocks.back();
  const auto extend = [](auto& to, const auto& from) {
    to.insert(to.end(), from.begin(), from.end());
  };
  extend(block.action, part.action);
  extend(block.reward, part.reward);
  extend(block.propensity, part.propensity);
  extend(block.context, part.context);
}

}  // namespace

void visit_rows(const World& world, std::int64_t count, const UseRows& use) {
  WorldRows rows;
  for (std::int64_t first = 0; first < count; first += kWorldRows) {
    if (interrupted()) throw stopped("the simulation");
    world.fill(first, static_cast<std::size_t>(std::min<std::int64_t>(count - first, kWorldRows)),
               rows);
    use(rows);
  }
}

std::vector<LogBlock> draw_log(
    const World& world, std::int64_t rows,
    const std::function<void(const WorldRows& rows, const LogBlock& log)>& use) {
  std::vector<LogBlock> blocks;
  visit_rows(world, rows, [&](const WorldRows& part) {
    const LogBlock log = world.decide(part);
    if (use) use(part, log);
    append_part(log, blocks);
  });
  return blocks;
}

}  // namespace loopline::bandit
