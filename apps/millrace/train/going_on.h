#pragma once

#include <string>
#include <vector>

#include "millrace/configs/node.h"
#include "millrace/configs/value.h"

/// What may be other when a run goes on than when it began. Settings are compared with all their keys
/// (training::with_all_keys()).
namespace millrace::apps {

/// Throws ConfigError for one part of a random_split that changes alone. Parts of one split, of which one is trained on
/// and one tells how good the model is, have no sample in both as long as all but the part is the same: a setting that
/// they had in common changes in both or in none.
void require_one_split(const configs::Node& now, const configs::Value& begun);

/// Throws ConfigError where training and test are the same part of one random_split, of a new run too.
void require_two_parts(const configs::Node& now);

/// Throws ConfigError for a setting that cannot change on the way of a run: what the checkpoint answers, where the run
/// is kept, and one part of a random_split alone. All others may; whether weights and samples still fit is seen when
/// they are loaded.
void require_may_change(const configs::Node& now, const configs::Value& begun);

/// "epochs: 6 in place of 4" for each setting that is another.
std::vector<std::string> changes(const configs::Value& now, const configs::Value& begun);

/// Gives values that come from the run's own config.yaml the origins that are told there, `text` being all of it.
void take_first_origins(configs::Value& settings, const std::string& file, const std::string& text);

}  // namespace millrace::apps
