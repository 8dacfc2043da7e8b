#include "millrace/training/models/torch_script.h"

#include <c10/util/Exception.h>
#include <torch/csrc/jit/api/module.h>
#include <torch/csrc/jit/serialization/import.h>
#include <unistd.h>

#include <array>
#include <iterator>
#include <stdexcept>
#include <string_view>

#include "millrace/sharing/os/owned_fd.h"
#include "millrace/sharing/os/printable.h"
#include "millrace/sharing/os/regular_file.h"

namespace millrace::training {
namespace {

// LibTorch's words about a file that is none are those of the library that reads archives. Errors of opening say more,
// and opening waits for nobody.
void require_zip(const std::string& path) {
  constexpr std::string_view kBegin = "PK";
  const OwnedFd file = millrace::detail::open_regular(path);
  std::array<char, kBegin.size()> begin{};
  const auto count = ::pread(file.get(), begin.data(), begin.size(), 0);
  if (count != std::ssize(begin) || std::string_view(begin.data(), begin.size()) != kBegin)
    throw std::runtime_error("it holds no program of torch.jit; torch.jit.script(model).save(path) writes one");
}

std::shared_ptr<torch::jit::Module> load_program(const std::string& path) {
  try {
    require_zip(path);
    return std::make_shared<torch::jit::Module>(torch::jit::load(path, torch::kCPU));
  } catch (const c10::Error& e) {
    throw std::runtime_error("cannot read " + in_quotes(path) + ": " + printable_lines(e.what_without_backtrace()) +
                             "; torch.jit.script(model).save(path) writes such a file");
  } catch (const std::exception& e) {
    throw std::runtime_error("cannot read " + in_quotes(path) + ": " + printable_lines(e.what()));
  }
}

// Gives `module` the tensors of `program`, not copies: what is done to one is done to the other.
void share_tensors(const torch::jit::Module& program, torch::nn::Module& module) {
  for (const auto& parameter : program.named_parameters(false))
    module.register_parameter(parameter.name, parameter.value, parameter.value.requires_grad());
  for (const auto& buffer : program.named_buffers(false)) module.register_buffer(buffer.name, buffer.value);
  for (const auto& child : program.named_children())
    share_tensors(child.value, *module.register_module(child.name, std::make_shared<torch::nn::Module>()));
}

}  // namespace

TorchScriptImpl::TorchScriptImpl(const std::string& path)
    : path_(millrace::detail::user_path(path)), program_(load_program(path_)) {
  share_tensors(*program_, *this);
  train();
}

at::Tensor TorchScriptImpl::forward(const at::Tensor& pictures) {
  const auto output = program_->forward({pictures});
  if (!output.isTensor())
    throw std::runtime_error(in_quotes(path_) + " gives " + output.tagKind() + " where one tensor is expected");
  return output.toTensor();
}

void TorchScriptImpl::train(bool on) {
  torch::nn::Module::train(on);
  program_->train(on);
}

}  // namespace millrace::training
