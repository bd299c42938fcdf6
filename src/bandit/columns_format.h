#pragma once

#include <array>

#include "loopline/io/safetensors.h"
#include "row_source.h"

namespace loopline::bandit {

/// Columns of one value a row that a log may have.
struct ColumnName {
  const char* name;
  Field field;
  io::DType dtype;
};
constexpr std::array<ColumnName, 7> kOptionalColumns = {{
    {"propensity", kPropensity, io::DType::kF64},
    {"target", kTarget, io::DType::kF64},
    {"position", kPosition, io::DType::kI64},
    {"cluster", kCluster, io::DType::kI64},
    {"logger", kLogger, io::DType::kI64},
    {"time", kTime, io::DType::kF64},
    {"multiplicity", kMultiplicity, io::DType::kF64},
}};

/// Key of the metadata.
constexpr const char* kEstimatedPropensities = "estimated_propensities";

}  // namespace loopline::bandit
