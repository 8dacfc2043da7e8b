#pragma once

#include <string>
#include <vector>

#include "millrace/configs/errors.h"
#include "millrace/configs/node.h"

namespace millrace::configs {

/// What a constructor says about its arguments as an error about the value that is to blame, in words of YAML
/// (yaml_words.h). That value lies in one of `sections`, each the keys of one thing or a list of transforms:
///
/// - the parameter that the text begins with, behind the name of what is made: "RandomSampler: num_samples should be
///   …", "Normalize: mean: 2 means for pictures with 3 channels";
/// - else the value that the text quotes: the class of "no class 'dog': no such directory in 'photos'".
///
/// What names neither is about `otherwise`, the place of the files in most cases, which a text quotes whatever is
/// wrong. Names that the path of the value says are left out of the text.
ConfigError complaint(const std::string& what, const std::vector<Node>& sections, const Node& otherwise);

}  // namespace millrace::configs
