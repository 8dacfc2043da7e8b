#pragma once

#include <sys/types.h>

#include <string>
#include <string_view>
#include <system_error>
#include <utility>
#include <vector>

#include "millrace/loader/datasets/litter.h"

namespace millrace::detail {

/// Whether a name ends as pictures do, in any case: those of ImageFolder's files.
bool is_picture(const std::string& name);

/// Lists what lies in a folder of pictures. Links to folders are followed, as torchvision does, and a folder to which
/// two of them lead counts twice; one that leads back to where it is reached from does not. Litter (litter.h) is left
/// out. Throws std::runtime_error "image_folder: what: cure" for what cannot be listed.
class PictureListing {
 public:
  /// Lists nothing yet. `dataset` is what messages begin with, `layout` what it wants to find, "ImageFolder wants …".
  /// Throws for a root that is no directory.
  PictureListing(std::string_view dataset, std::string_view layout, std::string root);

  /// The names of the folders in the root, sorted. Pictures beside them count as left out.
  std::vector<std::string> folders();

  /// The pictures below a folder, given from the root, or below the root ("") itself: paths from the root, sorted by
  /// directory, then by name. Files count by their ending. Throws where there are none.
  std::vector<std::string> pictures(const std::string& folder);

  /// Warns of what was left out, if there was anything.
  void tell_left_out() const;

  [[noreturn]] void fail(const std::string& what) const;

 private:
  /// Tells one folder from another, by whatever path it was reached.
  using FolderId = std::pair<dev_t, ino_t>;

  /// A folder's way from the root. A folder that is on its own way would be walked for ever.
  struct Place {
    std::string directory;  // Relative to the root.
    std::vector<FolderId> way;
  };

  template <class Take>
  void for_entries(const std::string& directory, const Take& take);
  [[noreturn]] void fail_to_list(const std::string& directory, const std::error_code& error) const;
  FolderId id_of(const std::string& directory) const;

  std::string dataset_;
  std::string layout_;
  std::string root_;
  LeftOut left_out_;
  std::vector<std::string> beside_folders_;
};

}  // namespace millrace::detail
