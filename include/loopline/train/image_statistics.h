#pragma once

#include <ATen/core/Tensor.h>

#include <string>
#include <utility>
#include <vector>

namespace loopline::train {

/// What can be told of N images without knowing what they should show, float32 [N, C, H, W] in
/// [0, 1]; each statistic float64 [N] on the host:
/// brightness  mean of all values
/// contrast    standard deviation over the pixels of the mean over channels
/// saturation  mean over pixels of the largest less the smallest channel (0 for one channel)
/// detail      mean absolute difference of neighbours, right and below
std::vector<std::pair<std::string, at::Tensor>> image_statistics(const at::Tensor& images);

/// The mean root-mean-square distance of the pairs of images [K, C, H, W]; K at least 2.
double mean_pairwise_distance(const at::Tensor& images);

/// The Vendi score of images [K, C, H, W] in [0, 1] (Friedman and Dieng, TMLR 2023): the effective
/// number of different ones, from 1 to K. It is exp of the entropy of the eigenvalues of S / K,
/// where S holds the cosine similarities of the pixels taken to [-1, 1].
double vendi_score(const at::Tensor& images);

/// The mean of mean_pairwise_distance over the groups of `group_size` neighbouring images; NaN for
/// groups of one.
double diversity_within_groups(const at::Tensor& images, std::int64_t group_size);

}  // namespace loopline::train
