#include "millrace/training/models/vision_transformer.h"

#include <ATen/ops/cat.h>
#include <ATen/ops/empty.h>
#include <ATen/ops/linear.h>
#include <ATen/ops/scaled_dot_product_attention.h>
#include <ATen/ops/zeros.h>
#include <torch/nn/init.h>
#include <torch/nn/modules/activation.h>
#include <torch/nn/modules/dropout.h>
#include <torch/nn/modules/linear.h>
#include <torch/nn/modules/normalization.h>

#include <cmath>
#include <stdexcept>
#include <string>

#include "millrace/training/models/checks.h"

namespace millrace::training {
namespace {

namespace init = torch::nn::init;

using torch::nn::Dropout;
using torch::nn::LayerNorm;
using torch::nn::Linear;
using torch::nn::Sequential;

LayerNorm layer_norm(int64_t width) {
  constexpr double kEpsilon = 1e-6;
  return LayerNorm(torch::nn::LayerNormOptions({width}).eps(kEpsilon));
}

// What nn.MultiheadAttention is in Python where query, key and value are one. LibTorch's class of that name computes
// and averages weights that nobody asks for.
class SelfAttention : public torch::nn::Module {
 public:
  explicit SelfAttention(const VisionTransformerOptions& options)
      : heads_(options.num_heads),
        in_proj_weight_(register_parameter("in_proj_weight", at::empty({3 * options.hidden_dim, options.hidden_dim}))),
        in_proj_bias_(register_parameter("in_proj_bias", at::zeros({3 * options.hidden_dim}))),
        out_proj_(register_module("out_proj", Linear(options.hidden_dim, options.hidden_dim))) {
    init::xavier_uniform_(in_proj_weight_);
    init::zeros_(out_proj_->bias);
  }

  // Both are {N, tokens, hidden_dim}.
  at::Tensor forward(const at::Tensor& input) {
    const auto split = at::linear(input, in_proj_weight_, in_proj_bias_)
                           .unflatten(2, {3, heads_, -1})
                           .permute({2, 0, 3, 1, 4});  // {3, N, heads, tokens, hidden_dim / heads}
    const auto mixed = at::scaled_dot_product_attention(split[0], split[1], split[2]);
    return out_proj_(mixed.transpose(1, 2).flatten(2));
  }

 private:
  int64_t heads_;
  at::Tensor in_proj_weight_;
  at::Tensor in_proj_bias_;
  Linear out_proj_;
};

Linear mlp_layer(int64_t in, int64_t out) {
  constexpr double kDeviationOfBias = 1e-6;
  Linear layer(in, out);
  init::xavier_uniform_(layer->weight);
  init::normal_(layer->bias, 0, kDeviationOfBias);
  return layer;
}

Sequential mlp(const VisionTransformerOptions& options) {
  return Sequential(mlp_layer(options.hidden_dim, options.mlp_dim), torch::nn::GELU(), Dropout(options.dropout),
                    mlp_layer(options.mlp_dim, options.hidden_dim), Dropout(options.dropout));
}

class EncoderBlock : public torch::nn::Module {
 public:
  explicit EncoderBlock(const VisionTransformerOptions& options)
      : ln_1_(register_module("ln_1", layer_norm(options.hidden_dim))),
        self_attention_(register_module("self_attention", std::make_shared<SelfAttention>(options))),
        dropout_(register_module("dropout", Dropout(options.dropout))),
        ln_2_(register_module("ln_2", layer_norm(options.hidden_dim))),
        mlp_(register_module("mlp", mlp(options))) {}

  at::Tensor forward(const at::Tensor& input) {
    const auto mixed = input + dropout_(self_attention_->forward(ln_1_(input)));
    return mixed + mlp_->forward(ln_2_(mixed));
  }

 private:
  LayerNorm ln_1_;
  std::shared_ptr<SelfAttention> self_attention_;
  Dropout dropout_;
  LayerNorm ln_2_;
  Sequential mlp_;
};

const VisionTransformerOptions& with_meaning(const VisionTransformerOptions& options) {
  using Option = std::pair<const char*, int64_t>;
  for (const auto& [name, value] :
       {Option("channels", options.channels), Option("classes", options.classes), Option("height", options.height),
        Option("width", options.width), Option("patch_size", options.patch_size),
        Option("num_layers", options.num_layers), Option("num_heads", options.num_heads),
        Option("hidden_dim", options.hidden_dim), Option("mlp_dim", options.mlp_dim)})
    detail::require_positive(name, value);
  detail::require_multiple("height", options.height, "patch_size", options.patch_size);
  detail::require_multiple("width", options.width, "patch_size", options.patch_size);
  detail::require_multiple("hidden_dim", options.hidden_dim, "num_heads", options.num_heads);
  detail::require_share("dropout", options.dropout);
  return options;
}

int64_t patches_of(const VisionTransformerOptions& options) {
  return (options.height / options.patch_size) * (options.width / options.patch_size);
}

torch::nn::Conv2d patch_projection(const VisionTransformerOptions& options) {
  torch::nn::Conv2d projection(
      torch::nn::Conv2dOptions(options.channels, options.hidden_dim, options.patch_size).stride(options.patch_size));
  // torchvision cuts the distribution off at 2, which is dozens of deviations away.
  const auto inputs = static_cast<double>(options.channels * options.patch_size * options.patch_size);
  init::normal_(projection->weight, 0, std::sqrt(1 / inputs));
  init::zeros_(projection->bias);
  return projection;
}

Linear head(const VisionTransformerOptions& options) {
  Linear layer(options.hidden_dim, options.classes);
  init::zeros_(layer->weight);
  init::zeros_(layer->bias);
  return layer;
}

}  // namespace

class VisionTransformerImpl::Encoder : public torch::nn::Module {
 public:
  explicit Encoder(const VisionTransformerOptions& options)
      : pos_embedding_(
            register_parameter("pos_embedding", at::empty({1, 1 + patches_of(options), options.hidden_dim}))),
        dropout_(register_module("dropout", Dropout(options.dropout))),
        ln_(nullptr) {
    constexpr double kDeviation = 0.02;
    init::normal_(pos_embedding_, 0, kDeviation);
    for (int64_t i = 0; i < options.num_layers; ++i)
      layers_->push_back("encoder_layer_" + std::to_string(i), std::make_shared<EncoderBlock>(options));
    register_module("layers", layers_);
    ln_ = register_module("ln", layer_norm(options.hidden_dim));
  }

  // Both are {N, 1 + patches, hidden_dim}.
  at::Tensor forward(const at::Tensor& tokens) { return ln_(layers_->forward(dropout_(tokens + pos_embedding_))); }

 private:
  at::Tensor pos_embedding_;
  Dropout dropout_;
  Sequential layers_;
  LayerNorm ln_;
};

VisionTransformerImpl::VisionTransformerImpl(const VisionTransformerOptions& options)
    : height_(options.height),
      width_(options.width),
      class_token_(register_parameter("class_token", at::zeros({1, 1, with_meaning(options).hidden_dim}))),
      conv_proj_(register_module("conv_proj", patch_projection(options))),
      encoder_(register_module("encoder", std::make_shared<Encoder>(options))) {
  heads_->push_back("head", head(options));
  register_module("heads", heads_);
}

at::Tensor VisionTransformerImpl::forward(const at::Tensor& pictures) {
  if (pictures.dim() != 4 || pictures.size(2) != height_ || pictures.size(3) != width_)
    throw std::invalid_argument("VisionTransformer: made for pictures of " + std::to_string(height_) + "x" +
                                std::to_string(width_) + " pixels, found " + c10::str(pictures.sizes()));
  const auto patches = conv_proj_(pictures).flatten(2).transpose(1, 2);
  const auto class_tokens = class_token_.expand({pictures.size(0), -1, -1});
  const auto tokens = encoder_->forward(at::cat({class_tokens, patches}, 1));
  return heads_->forward(tokens.select(1, 0));
}

}  // namespace millrace::training
