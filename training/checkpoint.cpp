#include "millrace/training/checkpoint.h"

#include <ATen/Context.h>
#include <ATen/core/Generator.h>
#include <ATen/core/grad_mode.h>
#include <ATen/ops/empty.h>
#include <c10/util/Exception.h>
#include <torch/serialize/archive.h>

#include <algorithm>
#include <cstring>
#include <map>
#include <nlohmann/json.hpp>
#include <sstream>
#include <stdexcept>
#include <string_view>

#include "millrace/sharing/os/counted.h"
#include "millrace/sharing/os/printable.h"
#include "millrace/training/weights/weights.h"

namespace millrace::training {
namespace {

using nlohmann::json;

constexpr const char* kFormat = "format";
constexpr const char* kThisFormat = "millrace checkpoint 1";
constexpr const char* kData = "data";

at::Tensor bytes_of(const std::string& text) {
  auto bytes = at::empty({static_cast<int64_t>(text.size())}, at::kByte);
  std::memcpy(bytes.data_ptr(), text.data(), text.size());
  return bytes;
}

std::string text_of(const at::Tensor& bytes) {
  if (bytes.scalar_type() != at::kByte) throw std::runtime_error("a text in it is none");
  const auto contiguous = bytes.contiguous();
  return {static_cast<const char*>(contiguous.data_ptr()), static_cast<size_t>(contiguous.numel())};
}

std::string to_json(const Position& position) {
  json object{
      {"epoch", position.epoch},       {"batches", position.batches},           {"steps", position.steps},
      {"loss_sum", position.loss_sum}, {"samples", position.samples},           {"skipped", position.skipped},
      {"replaced", position.replaced}, {"best_epoch", position.best_epoch},     {"trained", position.trained},
      {"seconds", position.seconds},   {"wait_seconds", position.wait_seconds}, {"is_trained", position.is_trained}};
  if (position.best) object["best"] = *position.best;
  return object.dump();
}

Position position_from(const std::string& text) {
  const json object = json::parse(text);
  Position position;
  object.at("epoch").get_to(position.epoch);
  object.at("batches").get_to(position.batches);
  object.at("steps").get_to(position.steps);
  object.at("loss_sum").get_to(position.loss_sum);
  object.at("samples").get_to(position.samples);
  object.at("skipped").get_to(position.skipped);
  object.at("replaced").get_to(position.replaced);
  object.at("best_epoch").get_to(position.best_epoch);
  object.at("trained").get_to(position.trained);
  object.at("seconds").get_to(position.seconds);
  object.at("wait_seconds").get_to(position.wait_seconds);
  position.is_trained = object.value("is_trained", false);  // No older file was written at such a place.
  if (object.contains("best")) position.best = object.at("best").get<double>();
  return position;
}

void append(NamedTensors& all, const std::string& section, const NamedTensors& tensors) {
  for (const auto& [name, tensor] : tensors) all.push_back({section + "." + name, tensor});
}

// Those of a section, under their own names.
NamedTensors section_of(const NamedTensors& all, const std::string& section) {
  NamedTensors tensors;
  for (const auto& [name, tensor] : all)
    if (name.starts_with(section + ".")) tensors.push_back({name.substr(section.size() + 1), tensor});
  return tensors;
}

const at::Tensor* find_tensor(const NamedTensors& all, std::string_view name) {
  const auto found = std::find_if(all.begin(), all.end(), [&](const NamedTensor& one) { return one.name == name; });
  return found == all.end() ? nullptr : &found->tensor;
}

const at::Tensor& tensor_of(const NamedTensors& all, std::string_view name) {
  const auto* found = find_tensor(all, name);
  if (found == nullptr) throw std::runtime_error("it has no " + in_quotes(std::string(name)));
  return *found;
}

Checkpoint checkpoint_of(const NamedTensors& all) {
  if (text_of(tensor_of(all, kFormat)) != kThisFormat) throw std::runtime_error("it is of another version");
  Checkpoint checkpoint;
  checkpoint.position = position_from(text_of(tensor_of(all, "position")));
  checkpoint.model = section_of(all, "model");
  checkpoint.ema = section_of(all, "ema");
  checkpoint.scale = section_of(all, "scale");
  checkpoint.random = section_of(all, "random");
  checkpoint.optimizer = tensor_of(all, "optimizer");
  checkpoint.loader = loader_state_from_string(text_of(tensor_of(all, "loader")));
  checkpoint.configuration = text_of(tensor_of(all, "configuration"));
  if (const auto* data = find_tensor(all, kData)) checkpoint.data = data_facts_from(text_of(*data));
  return checkpoint;
}

Checkpoint checkpoint_of(const NamedTensors& all, const std::string& path) {
  try {
    return checkpoint_of(all);
  } catch (const std::exception& error) {
    throw std::runtime_error(in_quotes(path) + " is no checkpoint of a run: " + error.what());
  }
}

at::Generator generator_of(const std::string& device) {
  return at::globalContext().defaultGenerator(c10::Device(device));
}

}  // namespace

void write_checkpoint(const std::string& path, const Checkpoint& checkpoint) {
  NamedTensors all{{kFormat, bytes_of(std::string(kThisFormat))},
                   {"position", bytes_of(to_json(checkpoint.position))},
                   {"loader", bytes_of(to_string(checkpoint.loader))},
                   {"configuration", bytes_of(checkpoint.configuration)},
                   {"optimizer", checkpoint.optimizer}};
  if (checkpoint.data) all.push_back({kData, bytes_of(to_json(*checkpoint.data))});
  append(all, "model", checkpoint.model);
  append(all, "ema", checkpoint.ema);
  append(all, "scale", checkpoint.scale);
  append(all, "random", checkpoint.random);
  save_weights(path, all);
}

Checkpoint read_checkpoint(const std::string& path) { return checkpoint_of(load_weights(path), path); }

NamedTensors load_model_weights(const std::string& path) {
  const auto all = load_weights(path);
  return find_tensor(all, kFormat) == nullptr ? all : judged_weights(checkpoint_of(all, path));
}

const NamedTensors& judged_weights(const Checkpoint& checkpoint) {
  return checkpoint.ema.empty() ? checkpoint.model : checkpoint.ema;
}

at::Tensor bytes_of(const torch::optim::Optimizer& optimizer) {
  torch::serialize::OutputArchive archive;
  optimizer.save(archive);
  std::ostringstream text;
  archive.save_to(text);
  return bytes_of(text.str());
}

void restore(torch::optim::Optimizer& optimizer, const at::Tensor& bytes) {
  torch::serialize::InputArchive archive;
  try {
    archive.load_from(static_cast<const char*>(bytes.data_ptr()), static_cast<size_t>(bytes.numel()));
    optimizer.load(archive);
  } catch (const c10::Error&) {  // What it says is about LibTorch's own lines.
    throw std::runtime_error("the optimizer's state is that of another optimizer, or of other parameters");
  }
}

NamedTensors random_states(c10::Device device) {
  NamedTensors states{{"cpu", generator_of("cpu").get_state()}};
  if (!device.is_cpu()) states.push_back({device.str(), generator_of(device.str()).get_state()});
  return states;
}

void restore_random(const NamedTensors& states) {
  for (const auto& [device, state] : states) generator_of(device).set_state(state);
}

void copy_tensors(const NamedTensors& from, const NamedTensors& to) {
  if (from.size() != to.size())
    throw std::runtime_error(counted(from.size(), "tensor") + " do not fit " + std::to_string(to.size()));
  std::map<std::string, at::Tensor> given;
  for (const auto& [name, tensor] : from) given.emplace(name, tensor);
  for (const auto& [name, tensor] : to)
    if (const auto found = given.find(name); found == given.end() || found->second.sizes() != tensor.sizes())
      throw std::runtime_error(in_quotes(name) + " is missing, or has another shape");
  const at::NoGradGuard no_grad;
  for (const auto& [name, tensor] : to) tensor.copy_(given.at(name));
}

}  // namespace millrace::training
