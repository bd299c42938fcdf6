#include "loopline/run/metrics.h"

#include <gmock/gmock.h>
#include <signal.h>
#include <sys/resource.h>

#include <cmath>
#include <cstring>
#include <limits>

#include "loopline/core/error.h"
#include "loopline/core/files.h"
#include "run/scratch_directory.h"

namespace loopline::run {
namespace {

namespace fs = std::filesystem;
using nlohmann::json;
using nlohmann::ordered_json;
using testing::AllOf;
using testing::HasSubstr;

class MetricsTest : public ScratchDirectory {
 protected:
  fs::path path() const { return directory_ / "metrics.jsonl"; }
};

const std::string kThree =
    "{\"iteration\":1,\"r\":0.1}\n{\"iteration\":2,\"r\":0.2}\n{\"iteration\":3,\"r\":0.3}\n";

TEST_F(MetricsTest, KeysKeepTheirOrderOneObjectALine) {
  MetricsLog log(path());
  EXPECT_EQ(read_file(path()), "");
  log.append(ordered_json{{"iteration", 1}, {"reward/mean", 0.5}, {"images/total", 192}});
  EXPECT_EQ(read_file(path()), "{\"iteration\":1,\"reward/mean\":0.5,\"images/total\":192}\n");
  log.append(ordered_json{{"iteration", 2}, {"z", "line\nbreak"}, {"a", nullptr}});
  EXPECT_EQ(read_file(path()),
            "{\"iteration\":1,\"reward/mean\":0.5,\"images/total\":192}\n"
            "{\"iteration\":2,\"z\":\"line\\nbreak\",\"a\":null}\n");
}

TEST_F(MetricsTest, DoublesReadBackBitForBitAndNonFiniteOnesAreNull) {
  MetricsLog log(path());
  const std::vector<double> values = {1.0 / 3, -0.0, 5e-324, 1.7976931348623157e308, 0.1f, 1e22};
  ordered_json metrics = {{"iteration", 1}};
  metrics["values"] = values;
  metrics["nan"] = std::nan("");
  metrics["infinity"] = -std::numeric_limits<double>::infinity();
  log.append(metrics);
  const json read = MetricsLog::read(path()).at(0);
  for (std::size_t i = 0; i < values.size(); ++i) {
    const double back = read["values"][i].get<double>();
    EXPECT_EQ(std::memcmp(&back, &values[i], sizeof back), 0) << values[i];
  }
  EXPECT_TRUE(read["nan"].is_null());
  EXPECT_TRUE(read["infinity"].is_null());
}

TEST_F(MetricsTest, MetricsWithoutLeadingIterationAreABrokenInvariant) {
  MetricsLog log(path());
  EXPECT_THROW(log.append(ordered_json{{"reward", 1}, {"iteration", 1}}), std::logic_error);
  EXPECT_THROW(log.append(ordered_json{{"iteration", 1.5}}), std::logic_error);
  EXPECT_THROW(log.append(ordered_json::object()), std::logic_error);
  EXPECT_EQ(read_file(path()), "");
}

TEST_F(MetricsTest, EveryTornLastLineIsIgnoredAndRemovedOnOpening) {
  const std::string last = "{\"iteration\":4,\"r\":{\"a\":[1,2]}}";
  for (std::size_t size = 0; size < last.size(); ++size) {
    put(path(), kThree + last.substr(0, size));
    EXPECT_EQ(MetricsLog::read(path()).size(), 3u) << size;
    MetricsLog log(path());
    EXPECT_EQ(read_file(path()), kThree) << size;
    log.append(ordered_json{{"iteration", 4}});
    EXPECT_EQ(read_file(path()), kThree + "{\"iteration\":4}\n") << size;
  }
}

TEST_F(MetricsTest, CompleteLastLineWithoutBreakIsKept) {
  put(path(), kThree + "{\"iteration\":4}");
  EXPECT_EQ(MetricsLog::read(path()).size(), 4u);
  MetricsLog log(path());
  log.append(ordered_json{{"iteration", 5}});
  EXPECT_EQ(read_file(path()), kThree + "{\"iteration\":4}\n{\"iteration\":5}\n");
}

TEST_F(MetricsTest, GarbageOfAPowerCutAtTheEndIsRemoved) {
  put(path(), kThree + std::string(100, '\0') + "\n");
  EXPECT_EQ(MetricsLog::read(path()).size(), 3u);
  MetricsLog log(path());
  EXPECT_EQ(read_file(path()), kThree);
}

TEST_F(MetricsTest, BadLineBeforeTheLastIsAnErrorWithItsNumber) {
  put(path(), "{\"iteration\":1}\n{\"itera\n{\"iteration\":3}\n");
  const auto error_of = [](const auto& action) {
    try {
      action();
    } catch (const Error& error) {
      return std::string(error.what());
    }
    return std::string("no error");
  };
  const auto expected = AllOf(HasSubstr("metrics.jsonl:2"), HasSubstr("not a JSON object"));
  EXPECT_THAT(error_of([&] { MetricsLog::read(path()); }), expected);
  EXPECT_THAT(error_of([&] { MetricsLog::cut_back(path(), 1); }),
              HasSubstr("metrics.jsonl: the line at byte 16: is not a JSON object"));
  put(path(), "{\"iteration\":1}\n" + std::string(65 << 20, ' ') + "\n{\"iteration\":3}\n");
  EXPECT_THAT(error_of([&] { MetricsLog::read(path()); }),
              HasSubstr("has a line of more than 64.0 MiB"));
  EXPECT_THAT(error_of([&] { MetricsLog::cut_back(path(), 1); }),
              HasSubstr("has a line of more than 64.0 MiB"));
  put(path(), "[1]\n{\"iteration\":3}\n");
  EXPECT_THAT(error_of([&] { MetricsLog::read(path()); }), HasSubstr("metrics.jsonl:1"));
  EXPECT_THAT(error_of([&] { MetricsLog::read(directory_ / "absent"); }),
              HasSubstr("No such file"));
}

TEST_F(MetricsTest, CutBackKeepsTheLinesUpToTheIterationByteForByte) {
  // Spelling that this program would not write: it must survive all the same.
  const std::string odd = "{ \"r\": 1.50, \"iteration\": 2 }\n";
  put(path(), "{\"iteration\":1}\n" + odd + "{\"iteration\":3}\n{\"iter");
  MetricsLog::cut_back(path(), 2);
  EXPECT_EQ(read_file(path()), "{\"iteration\":1}\n" + odd);
  MetricsLog::cut_back(path(), 2);
  EXPECT_EQ(read_file(path()), "{\"iteration\":1}\n" + odd);
  MetricsLog::cut_back(path(), 0);
  EXPECT_EQ(read_file(path()), "");
}

// Lines of many lengths, so that line breaks fall on every side of a block's edge.
TEST_F(MetricsTest, CutBackFindsEveryLineOfALongFile) {
  std::string text;
  std::vector<std::size_t> ends = {0};
  for (int iteration = 1; iteration <= 300; ++iteration) {
    const std::string filler(static_cast<std::size_t>(iteration * 37 % 2000), 'x');
    text += ordered_json{{"iteration", iteration}, {"filler", filler}}.dump() + "\n";
    ends.push_back(text.size());
  }
  put(path(), text);
  for (int iteration = 299; iteration >= 0; iteration -= 13) {
    MetricsLog::cut_back(path(), iteration);
    EXPECT_EQ(read_file(path()), text.substr(0, ends[static_cast<std::size_t>(iteration)]));
  }
  EXPECT_EQ(ends.size(), 301U);
}

TEST_F(MetricsTest, OpeningLooksAtTheEndAlone) {
  put(path(), "no object\n" + kThree);
  MetricsLog log(path());
  log.append(ordered_json{{"iteration", 4}});
  EXPECT_THROW(MetricsLog::read(path()), Error) << "reading sees it";
}

TEST_F(MetricsTest, CutBackOfAnAbsentFileDoesNothing) {
  MetricsLog::cut_back(path(), 2);
  EXPECT_FALSE(fs::exists(path()));
}

TEST_F(MetricsTest, CutBackRefusesALineWithoutIteration) {
  put(path(), "{\"iteration\":1}\n{\"step\":2}\n");
  EXPECT_THROW(MetricsLog::cut_back(path(), 1), Error);
  EXPECT_EQ(read_file(path()), "{\"iteration\":1}\n{\"step\":2}\n");
}

TEST_F(MetricsTest, FullDiskLeavesTheFileAsItWas) {
  MetricsLog log(path());
  log.append(ordered_json{{"iteration", 1}});
  const std::string before = read_file(path());
  struct rlimit limit = {};
  ASSERT_EQ(::getrlimit(RLIMIT_FSIZE, &limit), 0);
  const auto old_handler = ::signal(SIGXFSZ, SIG_IGN);
  struct rlimit small = limit;
  small.rlim_cur = before.size() + 10;  // a part of the line fits
  ASSERT_EQ(::setrlimit(RLIMIT_FSIZE, &small), 0);
  std::string message = "no error";
  try {
    log.append(ordered_json{{"iteration", 2}, {"reward/mean", 0.25}});
  } catch (const Error& error) {
    message = error.what();
  }
  ::setrlimit(RLIMIT_FSIZE, &limit);
  ::signal(SIGXFSZ, old_handler);
  EXPECT_EQ(message, path().string() + ": cannot be written: File too large");
  EXPECT_EQ(read_file(path()), before);
}

}  // namespace
}  // namespace loopline::run
