#pragma once

#include <ATen/core/Tensor.h>
#include <torch/nn/module.h>
#include <torch/nn/pimpl.h>

#include <memory>
#include <string>

namespace torch::jit {
struct Module;
}

namespace millrace::training {

/// A module that Python wrote with torch.jit.script(model).save(path), or torch.jit.trace: its parameters, buffers and
/// submodules are those of this one, under the same names, so that it is trained, moved and saved as any other.
///
/// Such a file is a program, which forward() runs: take it from nobody whom you would not take a program from.
class TorchScriptImpl : public torch::nn::Module {
 public:
  /// Reads the file. Throws std::runtime_error "cannot read 'PATH': REASON".
  explicit TorchScriptImpl(const std::string& path);

  /// Runs the program. Throws std::runtime_error where it gives anything but a tensor, and what the program throws.
  at::Tensor forward(const at::Tensor& pictures);

  void train(bool on = true) override;

 private:
  std::string path_;
  std::shared_ptr<torch::jit::Module> program_;
};
TORCH_MODULE(TorchScript);

}  // namespace millrace::training
