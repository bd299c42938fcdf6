#include "loopline/train/image_statistics.h"

#include <ATen/ATen.h>
#include <gtest/gtest.h>

#include <cmath>

namespace loopline::train {
namespace {

TEST(VendiScore, IsTheNumberOfDifferentImages) {
  // In [-1, 1] these are orthogonal: black and white halves, and quarters.
  at::Tensor images = at::zeros({4, 1, 2, 4});
  images[0].slice(2, 0, 2).fill_(1);
  images[1].slice(1, 0, 1).fill_(1);
  images[2].copy_(images[0]);
  images[3].copy_(images[1]);
  EXPECT_NEAR(vendi_score(images), 2, 1e-9) << "two different ones, twice each";
  EXPECT_NEAR(vendi_score(images.slice(0, 0, 2)), 2, 1e-9);
  EXPECT_NEAR(vendi_score(images.index({at::tensor({0, 0, 0, 0})})), 1, 1e-9);
}

TEST(VendiScore, IsTheExponentialEntropyOfTheEigenvalues) {
  // Two images of cosine c have the eigenvalues (1 + c) / 2 and (1 - c) / 2.
  at::Tensor images = at::ones({2, 1, 1, 2});
  images[1][0][0][1] = 0.75;  // (1, 1) and (1, .5) in [-1, 1]
  const double cosine = 1.5 / std::sqrt(2 * 1.25);
  const double a = (1 + cosine) / 2, b = (1 - cosine) / 2;
  EXPECT_NEAR(vendi_score(images), std::exp(-a * std::log(a) - b * std::log(b)), 1e-9);
}

TEST(VendiScore, IsFiniteForMidGrey) {
  EXPECT_NEAR(vendi_score(at::full({3, 3, 2, 2}, 0.5)), 3, 1e-9)
      << "an image without direction is like no other";
}

}  // namespace
}  // namespace loopline::train
