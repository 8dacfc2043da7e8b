#pragma once

#include <ATen/core/Tensor.h>
#include <torch/nn/module.h>
#include <torch/nn/pimpl.h>

#include <concepts>
#include <functional>
#include <memory>
#include <utility>

namespace millrace::training {

/// A module that makes one tensor of another: what training asks of a model.
template <class Net>
concept TensorModule = std::derived_from<Net, torch::nn::Module> && requires(Net& net, at::Tensor pictures) {
  { net.forward(pictures) } -> std::convertible_to<at::Tensor>;
};

/// Any such module, of LibTorch's own kind or a TorchScript program (torch_script.h). Parameters, buffers, train(),
/// eval() and to() are the module's: model->eval(). A value whose copies are the same model; never empty. Not
/// thread-safe, as modules are not.
class Model {
 public:
  template <TensorModule Net>
  Model(const std::shared_ptr<Net>& net)
      : module_(net), forward_([net = net.get()](const at::Tensor& pictures) { return net->forward(pictures); }) {}

  /// Of what TORCH_MODULE defines: Model(Net(options)).
  template <TensorModule Net>
  Model(const torch::nn::ModuleHolder<Net>& net) : Model(net.ptr()) {}

  /// Normalised pictures {N, C, H, W} to logits: {N, classes}, or {N, classes, H, W} where each pixel has a class.
  at::Tensor forward(const at::Tensor& pictures) const { return forward_(pictures); }

  torch::nn::Module& operator*() const { return *module_; }
  torch::nn::Module* operator->() const { return module_.get(); }

 private:
  std::shared_ptr<torch::nn::Module> module_;
  std::function<at::Tensor(const at::Tensor&)> forward_;  // Of *module_, whose type only the constructor knows.
};

}  // namespace millrace::training
