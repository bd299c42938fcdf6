#include "model_inputs.h"

#include <set>

#include "manifest.h"

namespace loopline::io {
namespace {

using nlohmann::json;

bool is_integer_type(const std::string& dtype) { return dtype == "int64" || dtype == "int32"; }

// Whether one number is a value of the dtype.
bool fits(const json& value, const std::string& dtype) {
  if (dtype == "bool") return value.is_boolean() || value == 0 || value == 1;
  if (!is_integer_type(dtype)) return value.is_number();
  if (!value.is_number_integer()) return false;
  const double limit = dtype == "int32" ? 2147483647.0 : 9007199254740992.0;  // exact in a double
  return value.get<double>() >= -limit && value.get<double>() <= limit;
}

bool fits(const json& value, const InputSpec& input, std::size_t depth) {
  if (depth == input.shape.size()) return fits(value, input.dtype);
  if (!value.is_array() || static_cast<std::int64_t>(value.size()) != input.shape[depth]) {
    return false;
  }
  for (const json& item : value) {
    if (!fits(item, input, depth + 1)) return false;
  }
  return true;
}

// A number, which fills the shape, or a nested list of that shape.
json read_value(JsonFields& fields, const InputSpec& input) {
  const json& value = fields.value("value");
  if (!fits(value, input.dtype) && !fits(value, input, 0)) {
    fields.fail("value",
                "must be one number or a nested list of the input's shape, fit for " + input.dtype);
  }
  return value;
}

InputSource read_source(JsonFields fields, const InputSpec& input) {
  using Kind = InputSource::Kind;
  InputSource source;
  source.kind = fields.choice<Kind>("kind", {{"text_encoder", Kind::kTextEncoder},
                                             {"class_id", Kind::kClassId},
                                             {"prompt", Kind::kPrompt},
                                             {"constant", Kind::kConstant}});
  switch (source.kind) {
    case Kind::kTextEncoder:
      source.index = fields.integer_or("index", 0, between(0, 1000));
      break;
    case Kind::kClassId:
      source.key = fields.has("key") ? fields.text("key") : "class";
      if (!is_integer_type(input.dtype) || !input.shape.empty()) {
        fields.fail("kind", "is class_id, which needs dtype int64 or int32 and shape []");
      }
      break;
    case Kind::kPrompt:
      source.key = fields.text("key");
      break;
    case Kind::kConstant:
      source.value = read_value(fields, input);
      break;
  }
  fields.finish();
  return source;
}

Unconditional read_unconditional(JsonFields fields, const InputSpec& input) {
  Unconditional unconditional;
  const bool has_prompt = fields.has("prompt");
  const bool has_value = fields.has("value");
  const bool has_same = fields.has("same");
  fields.finish();
  if (has_prompt + has_value + has_same != 1) {
    fields.fail_here("must hold exactly one of prompt, value and same");
  }
  if (has_prompt) {
    if (input.source.kind != InputSource::Kind::kTextEncoder) {
      fields.fail("prompt", "is only for inputs from the text encoder");
    }
    unconditional.kind = Unconditional::Kind::kPrompt;
    unconditional.prompt = fields.any_text("prompt");
  } else if (has_value) {
    unconditional.kind = Unconditional::Kind::kValue;
    unconditional.value = read_value(fields, input);
  } else {
    unconditional.kind = Unconditional::Kind::kSame;
    if (!fields.boolean_or("same", true)) fields.fail("same", "must be true, or left out");
  }
  return unconditional;
}

}  // namespace

std::vector<InputSpec> read_inputs(JsonFields& manifest) {
  std::vector<InputSpec> inputs;
  if (!manifest.has("inputs")) return inputs;
  std::set<std::string> names;
  for (JsonFields& fields : manifest.objects("inputs")) {
    InputSpec input;
    input.name = fields.text("name");
    if (!names.insert(input.name).second) {
      fields.fail("name", "is \"" + input.name + "\", as that of an earlier input");
    }
    input.dtype = read_dtype(fields);
    input.shape = read_shape(fields);
    input.source = read_source(fields.object("source"), input);
    if (fields.has("unconditional")) {
      input.unconditional = read_unconditional(fields.object("unconditional"), input);
    }
    fields.finish();
    inputs.push_back(std::move(input));
  }
  return inputs;
}

}  // namespace loopline::io
