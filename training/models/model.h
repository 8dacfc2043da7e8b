#pragma once

#include <ATen/core/Tensor.h>
#include <torch/nn/module.h>
#include <torch/nn/pimpl.h>

#include <concepts>
#include <functional>
#include <memory>
#include <utility>

namespace millrace::training {

/// A module that makes one tensor of another, which is what training asks of a model.
template <class Net>
concept TensorModule = std::derived_from<Net, torch::nn::Module> && requires(Net& net, at::Tensor pictures) {
  { net.forward(pictures) } -> std::convertible_to<at::Tensor>;
};

/// A module of any such type, LibTorch's own or a TorchScript program (torch_script.h). Parameters, buffers, train(),
/// eval() and to() are the module's: model->eval(). Copies are the same model; none is empty. Not thread-safe, as
/// modules are not.
class Model {
 public:
  /// Holds a module.
  template <TensorModule Net>
  Model(const std::shared_ptr<Net>& net)
      : module_(net), forward_([net = net.get()](const at::Tensor& pictures) { return net->forward(pictures); }) {}

  /// Holds the module of a holder, which TORCH_MODULE defines: Model(Net(options)).
  template <TensorModule Net>
  Model(const torch::nn::ModuleHolder<Net>& net) : Model(net.ptr()) {}

  /// Makes logits of normalised pictures {N, C, H, W}, or vectors {N, features}: {N, classes}, or {N, classes, H, W}
  /// where pixels have classes.
  at::Tensor forward(const at::Tensor& pictures) const { return forward_(pictures); }

  torch::nn::Module& operator*() const { return *module_; }
  torch::nn::Module* operator->() const { return module_.get(); }

 private:
  std::shared_ptr<torch::nn::Module> module_;
  std::function<at::Tensor(const at::Tensor&)> forward_;  // Of *module_, whose type only the constructor knows.
};

}  // namespace millrace::training
