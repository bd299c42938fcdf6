#include "loopline/bandit/world.h"

#include "world_draws.h"

namespace loopline::bandit {

LogBlock World::decide(const WorldRows& rows) const {
  LogBlock log;
  log.first_row = rows.first_row;
  log.features = rows.features;
  log.context = rows.context;
  for (std::size_t i = 0; i < rows.rows; ++i) {
    const auto row = rows.first_row + static_cast<std::int64_t>(i);
    const auto [chooser, luck] = uniform_pair_of(row_draw(key(), WorldDraw::kDecision, row));
    const double* probability = rows.logging.data() + i * rows.actions;
    std::size_t action = 0;
    double below = probability[0];  // by inversion; what rounding leaves is the last action's
    while (chooser >= below && action + 1 < rows.actions) below += probability[++action];
    log.action.push_back(static_cast<std::int64_t>(action));
    log.propensity.push_back(probability[action]);
    log.reward.push_back(luck < rows.reward[i * rows.actions + action] ? 1 : 0);
  }
  return log;
}

}  // namespace loopline::bandit
