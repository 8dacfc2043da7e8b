#include <sstream>
#include <string>

#include "millrace/loader/images/transforms/transforms.h"

namespace millrace::transforms {
namespace {

/// Writes steps as one would write them in a program, short of what is seldom asked for. A visitor of Step.
struct Printer {
  std::ostringstream& text;

  void operator()(const Resize& step) {
    text << "Resize(" << (step.shorter_side ? std::to_string(step.size.height) : to_string(step.size)) << ')';
  }
  void operator()(const CenterCrop& step) { print("CenterCrop", to_string(step.size)); }
  void operator()(const RandomResizedCrop& step) { print("RandomResizedCrop", to_string(step.size)); }
  void operator()(const RandomHorizontalFlip& step) { print("RandomHorizontalFlip", step.p); }
  void operator()(const RandomVerticalFlip& step) { print("RandomVerticalFlip", step.p); }
  void operator()(const Pad& step) {
    const auto& [left, top, right, bottom] = step.borders;
    text << "Pad({" << left << ", " << top << ", " << right << ", " << bottom << "})";
  }
  void operator()(const RandomCrop& step) { print("RandomCrop", to_string(step.size)); }
  void operator()(const RandomRotation& step) {
    text << "RandomRotation({" << step.degrees.first << ", " << step.degrees.second << "})";
  }
  void operator()(const RandomAffine&) { text << "RandomAffine"; }
  void operator()(const ColorJitter&) { text << "ColorJitter"; }
  void operator()(const Grayscale& step) { print("Grayscale", step.num_output_channels); }
  void operator()(const RandomGrayscale& step) { print("RandomGrayscale", step.p); }
  void operator()(const GaussianBlur& step) { print("GaussianBlur", to_string(step.kernel_size)); }
  void operator()(const RandomErasing& step) { print("RandomErasing", step.p); }
  void operator()(const RandomInvert& step) { print("RandomInvert", step.p); }
  void operator()(const RandomPosterize& step) { print("RandomPosterize", step.bits, step.p); }
  void operator()(const RandomSolarize& step) { print("RandomSolarize", step.threshold, step.p); }
  void operator()(const RandomAdjustSharpness& step) { print("RandomAdjustSharpness", step.sharpness_factor, step.p); }
  void operator()(const RandomAutocontrast& step) { print("RandomAutocontrast", step.p); }
  void operator()(const RandomEqualize& step) { print("RandomEqualize", step.p); }
  void operator()(const RandAugment& step) { print("RandAugment", step.num_ops, step.magnitude); }
  void operator()(const TrivialAugmentWide&) { text << "TrivialAugmentWide"; }
  void operator()(const RandomApply& step) { print("RandomApply", to_string(step.chain.front()), step.p); }
  void operator()(const RandomChoice& step) {
    std::string chains;
    for (const Chain& chain : step.chains) chains.append(chains.empty() ? "" : ", ").append(to_string(chain));
    print("RandomChoice", chains);
  }
  void operator()(const Lambda&) { text << "Lambda"; }
  void operator()(const Normalize&) { text << "Normalize"; }
  void operator()(const ToDtype&) { text << "ToDtype"; }

 private:
  template <class First>
  void print(const char* name, const First& first) {
    text << name << '(' << first << ')';
  }
  template <class First, class Second>
  void print(const char* name, const First& first, const Second& second) {
    text << name << '(' << first << ", " << second << ')';
  }
};

}  // namespace

std::string to_string(const Chain& chain) {
  std::ostringstream text;
  for (const Step& step : chain.steps()) {
    if (&step != &chain.steps().front()) text << " | ";
    std::visit(Printer{text}, step);
  }
  return text.str();
}

}  // namespace millrace::transforms
