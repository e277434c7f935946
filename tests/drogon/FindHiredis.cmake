# As Drogon looks for it, by names alone.
find_path(HIREDIS_INCLUDE_DIRS hiredis/hiredis.h)
find_library(HIREDIS_LIBRARIES NAMES hiredis)
include(FindPackageHandleStandardArgs)
find_package_handle_standard_args(Hiredis DEFAULT_MSG HIREDIS_LIBRARIES HIREDIS_INCLUDE_DIRS)
add_library(Hiredis_lib INTERFACE IMPORTED)
set_target_properties(Hiredis_lib PROPERTIES INTERFACE_INCLUDE_DIRECTORIES "${HIREDIS_INCLUDE_DIRS}"
                                             INTERFACE_LINK_LIBRARIES "${HIREDIS_LIBRARIES}")
