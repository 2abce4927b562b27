# What `cmake --install` puts where: the command, both libraries, the headers, and how other builds find them.
# The tree may be moved after it was installed: nothing in it holds an absolute path.
include(GNUInstallDirs)
include(CMakePackageConfigHelpers)

# Before 1.0 a minor version may break the ABI, so it is part of the name that programs are linked to.
set_target_properties(wye_shared PROPERTIES
	VERSION ${PROJECT_VERSION}
	SOVERSION ${PROJECT_VERSION_MAJOR}.${PROJECT_VERSION_MINOR}
	EXPORT_NAME wye
	LINK_DEPENDS ${CMAKE_SOURCE_DIR}/cmake/libwye.map)
target_link_options(wye_shared PRIVATE -Wl,--version-script=${CMAKE_SOURCE_DIR}/cmake/libwye.map)
set_target_properties(wye_static PROPERTIES EXPORT_NAME static)
add_library(wye::wye ALIAS wye_shared)
add_library(wye::static ALIAS wye_static)

if(TARGET wye)
	install(TARGETS wye RUNTIME)
endif()
install(TARGETS wye_shared wye_static EXPORT wye_targets)
install(DIRECTORY include/wye TYPE INCLUDE FILES_MATCHING PATTERN *.h)
install(FILES LICENSE README.md CHANGELOG.md TYPE DOC)

file(RELATIVE_PATH WYE_PC_PREFIX /${CMAKE_INSTALL_LIBDIR}/pkgconfig /)
string(REGEX REPLACE "/$" "" WYE_PC_PREFIX "${WYE_PC_PREFIX}")
configure_file(cmake/wye.pc.in wye.pc @ONLY)
install(FILES ${CMAKE_CURRENT_BINARY_DIR}/wye.pc DESTINATION ${CMAKE_INSTALL_LIBDIR}/pkgconfig)

set(WYE_CMAKE_DIR ${CMAKE_INSTALL_LIBDIR}/cmake/wye)
configure_package_config_file(cmake/wye-config.cmake.in wye-config.cmake INSTALL_DESTINATION ${WYE_CMAKE_DIR})
write_basic_package_version_file(wye-config-version.cmake COMPATIBILITY SameMinorVersion)
install(FILES ${CMAKE_CURRENT_BINARY_DIR}/wye-config.cmake ${CMAKE_CURRENT_BINARY_DIR}/wye-config-version.cmake
	DESTINATION ${WYE_CMAKE_DIR})
install(EXPORT wye_targets NAMESPACE wye:: DESTINATION ${WYE_CMAKE_DIR} FILE wye-targets.cmake)
