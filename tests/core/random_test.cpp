#include "loopline/core/random.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <map>
#include <numeric>
#include <set>

#include "loopline/core/error.h"

namespace loopline {
namespace {

using Words = std::array<std::uint32_t, 4>;

const Draw kDraw = {.seed = 0x0123456789abcdef,
                    .stream = Stream::kEvaluation,
                    .iteration = 3,
                    .slot = 5,
                    .k = 7,
                    .step = 11};

double correlation(std::span<const float> a, std::span<const float> b) {
  double ab = 0, aa = 0, bb = 0;
  for (std::size_t i = 0; i < a.size(); ++i) {
    ab += double{a[i]} * b[i];
    aa += double{a[i]} * a[i];
    bb += double{b[i]} * b[i];
  }
  return ab / std::sqrt(aa * bb);
}

/// sup |empirical - cdf| sqrt(n); above 1.95 once in a thousand for the right distribution.
template <class Value, class Distribution>
double kolmogorov_smirnov(std::vector<Value> values, Distribution cdf) {
  std::sort(values.begin(), values.end());
  const double n = static_cast<double>(values.size());
  double distance = 0;
  for (std::size_t i = 0; i < values.size(); ++i) {
    const double p = cdf(values[i]);
    distance =
        std::max({distance, p - static_cast<double>(i) / n, static_cast<double>(i + 1) / n - p});
  }
  return distance * std::sqrt(n);
}

TEST(Philox, MatchesRandom123KnownAnswers) {
  EXPECT_EQ(philox4x32({0, 0, 0, 0}, {0, 0}),
            (Words{0x6627e8d5, 0xe169c58d, 0xbc57ac4c, 0x9b00dbd8}));
  EXPECT_EQ(philox4x32({~0u, ~0u, ~0u, ~0u}, {~0u, ~0u}),
            (Words{0x408f276d, 0x41c83b0e, 0xa20bc7c6, 0x6d5451fd}));
  EXPECT_EQ(philox4x32({0x243f6a88, 0x85a308d3, 0x13198a2e, 0x03707344}, {0xa4093822, 0x299f31d0}),
            (Words{0xd16cfe09, 0x94fdcceb, 0x5001e420, 0x24126ea1}));
}

// Golden words and numbers: an independent Python implementation of the header's text.
TEST(Philox, PacksTheCoordinatesOfADraw) {
  EXPECT_EQ(philox(kDraw, 0), (Words{0xb23996ad, 0x04631daf, 0x2f35a8d3, 0x817d346e}));
  EXPECT_EQ(philox(kDraw, 9), (Words{0x54aceaa8, 0xb5bb2053, 0x20400dd0, 0x947099b3}));
}

TEST(Philox, EveryCoordinateChangesTheWords) {
  std::vector<Draw> draws(8, kDraw);
  draws[1].seed ^= std::uint64_t{1} << 63;
  draws[2].seed ^= 1;
  draws[3].stream = Stream::kRollout;
  draws[4].iteration = (1u << 24) - 1;
  draws[5].slot = (1u << 20) - 1;
  draws[6].k = (1u << 12) - 1;
  draws[7].step = ~0u;
  std::set<Words> seen;
  for (const Draw& draw : draws) {
    seen.insert(philox(draw, 0));
    seen.insert(philox(draw, 1));
  }
  EXPECT_EQ(seen.size(), 2 * draws.size());
}

TEST(Philox, RefusesCoordinatesThatOverflow) {
  Draw draw = kDraw;
  draw.iteration = 1u << 24;
  EXPECT_THROW(philox(draw, 0), Error);
  draw = kDraw;
  draw.slot = 1u << 20;
  EXPECT_THROW(philox(draw, 0), Error);
  draw = kDraw;
  draw.k = 1u << 12;
  EXPECT_THROW(philox(draw, 0), Error);
}

TEST(FillNormal, MatchesGoldenNumbers) {
  std::vector<float> values(40);
  fill_normal(kDraw, values);
  const double first[] = {0.8461068510150032, 0.09146033019100482, -1.8375651743466712,
                          -0.0671884279500325};
  const double tenth[] = {-0.370956894988365, -1.4405187650617015, -1.7846976113322357,
                          -0.9788565606165072};
  for (int i = 0; i < 4; ++i) {
    EXPECT_FLOAT_EQ(values[i], static_cast<float>(first[i]));
    EXPECT_FLOAT_EQ(values[36 + i], static_cast<float>(tenth[i]));
  }
}

TEST(FillNormal, ElementDependsOnItsIndexAlone) {
  std::vector<float> whole(1001);
  fill_normal(kDraw, whole);
  for (const std::size_t length : {0u, 1u, 2u, 3u, 4u, 5u, 7u, 8u, 100u, 1000u}) {
    std::vector<float> part(length + 1, 42.0F);
    fill_normal(kDraw, std::span(part).first(length));
    EXPECT_TRUE(std::equal(part.begin(), part.end() - 1, whole.begin())) << length;
    EXPECT_EQ(part.back(), 42.0F) << "wrote past the end at length " << length;
  }
}

TEST(FillNormal, HasTheMomentsAndTheShapeOfANormal) {
  std::vector<float> values(200'000);
  fill_normal(kDraw, values);
  double m1 = 0, m2 = 0, m3 = 0, m4 = 0;
  for (const double z : values) {
    m1 += z;
    m2 += z * z;
    m3 += z * z * z;
    m4 += z * z * z * z;
  }
  const double n = static_cast<double>(values.size());
  // Four standard errors each: var z = 1, z^2 = 2, z^3 = 15, z^4 = 96.
  EXPECT_NEAR(m1 / n, 0, 4 * std::sqrt(1 / n));
  EXPECT_NEAR(m2 / n, 1, 4 * std::sqrt(2 / n));
  EXPECT_NEAR(m3 / n, 0, 4 * std::sqrt(15 / n));
  EXPECT_NEAR(m4 / n, 3, 4 * std::sqrt(96 / n));
  EXPECT_LT(kolmogorov_smirnov(values, [](double z) { return 0.5 * std::erfc(-z / std::sqrt(2)); }),
            1.95);
}

TEST(FillNormal, NeighboursAreUncorrelated) {
  constexpr std::size_t kCount = 100'000;
  const double limit = 4 / std::sqrt(static_cast<double>(kCount));
  std::vector<float> values(kCount + 4), other(kCount);
  fill_normal(kDraw, values);
  const std::span<const float> head = std::span<const float>(values).first(kCount);
  for (std::size_t lag = 1; lag <= 4; ++lag) {
    EXPECT_LT(std::abs(correlation(head, std::span(values).subspan(lag, kCount))), limit) << lag;
  }
  std::vector<Draw> neighbours(5, kDraw);
  ++neighbours[0].step;
  ++neighbours[1].k;
  ++neighbours[2].slot;
  ++neighbours[3].iteration;
  ++neighbours[4].seed;
  for (const Draw& neighbour : neighbours) {
    fill_normal(neighbour, other);
    EXPECT_LT(std::abs(correlation(head, other)), limit);
  }
}

TEST(FillUniform, IsTheWordsOverTwoToThe32) {
  std::vector<double> values(38);
  fill_uniform(kDraw, values);
  EXPECT_EQ(values[0], 0xb23996ad / 4294967296.0);
  EXPECT_EQ(values[3], 0x817d346e / 4294967296.0);
  EXPECT_EQ(values[37], 0xb5bb2053 / 4294967296.0);
}

TEST(FillUniform, IsUniform) {
  std::vector<double> values(100'000);
  fill_uniform(kDraw, values);
  EXPECT_LT(kolmogorov_smirnov(values, [](double u) { return u; }), 1.95);
  EXPECT_GE(*std::min_element(values.begin(), values.end()), 0);
  EXPECT_LT(*std::max_element(values.begin(), values.end()), 1);
}

TEST(RandomIntegers, AreEquallyFrequentAlsoWhereMultiplyingAloneIsBiased) {
  // Without rejection, a third of the values below 3 x 2^30 would be twice as frequent.
  constexpr std::uint32_t kBound = 3u << 30;
  constexpr double kCount = 60'000;
  const auto values = random_integers(kDraw, kBound, static_cast<std::size_t>(kCount));
  std::array<double, 3> seen{};
  for (const std::uint32_t value : values) {
    ASSERT_LT(value, kBound);
    ++seen[value % 3];
  }
  for (const double count : seen) {
    EXPECT_NEAR(count / kCount, 1.0 / 3, 4 * std::sqrt(2.0 / 9 / kCount));
  }
}

TEST(RandomIntegers, CoverTheRange) {
  const auto values = random_integers(kDraw, 6, 60'000);
  std::array<double, 6> seen{};
  for (const std::uint32_t value : values) {
    ++seen.at(value);
  }
  double chi_square = 0;
  for (const double count : seen) {
    chi_square += (count - 10'000) * (count - 10'000) / 10'000;
  }
  EXPECT_LT(chi_square, 20.5);  // 5 degrees of freedom, once in a thousand
  EXPECT_EQ(random_integers(kDraw, 1, 3), (std::vector<std::uint32_t>{0, 0, 0}));
  EXPECT_THROW(random_integers(kDraw, 0, 1), std::logic_error);
}

TEST(RandomIntegers, SmallerCountIsAPrefix) {
  const auto whole = random_integers(kDraw, 3u << 30, 1000);
  const auto part = random_integers(kDraw, 3u << 30, 333);
  EXPECT_TRUE(std::equal(part.begin(), part.end(), whole.begin()));
}

TEST(RandomPermutation, IsAPermutation) {
  EXPECT_TRUE(random_permutation(kDraw, 0).empty());
  EXPECT_EQ(random_permutation(kDraw, 1), std::vector<std::int64_t>{0});
  const auto order = random_permutation(kDraw, 1000);
  std::vector<std::int64_t> sorted = order, expected(1000);
  std::iota(expected.begin(), expected.end(), 0);
  EXPECT_NE(order, expected);
  std::sort(sorted.begin(), sorted.end());
  EXPECT_EQ(sorted, expected);
}

TEST(RandomPermutation, AllOrdersAreEquallyFrequent) {
  std::map<std::vector<std::int64_t>, double> seen;
  constexpr int kCount = 24'000;
  Draw draw = kDraw;
  for (draw.slot = 0; draw.slot < kCount; ++draw.slot) {
    ++seen[random_permutation(draw, 4)];
  }
  ASSERT_EQ(seen.size(), 24u);
  double chi_square = 0;
  for (const auto& [order, count] : seen) {
    chi_square += (count - 1000) * (count - 1000) / 1000;
  }
  EXPECT_LT(chi_square, 49.7);  // 23 degrees of freedom, once in a thousand
}

}  // namespace
}  // namespace loopline
