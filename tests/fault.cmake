# tests/fault: the whole library over a seam that fails on purpose. The linker sends each call of a function in base/sys.h
# to its __wrap_ double in sys_fault.c, which counts, injects, and passes on to the real one.
file(STRINGS ${CMAKE_SOURCE_DIR}/src/base/sys.h seam_lines REGEX "^[a-z].*[ *]wyi_[a-z_]+\\(")
set(seam_wraps)
foreach(line IN LISTS seam_lines)
	string(REGEX MATCH "wyi_[a-z_]+\\(" symbol "${line}")
	string(REPLACE "(" "" symbol "${symbol}")
	list(APPEND seam_wraps -Wl,--wrap=${symbol})
endforeach()

file(GLOB fault_sources CONFIGURE_DEPENDS ${CMAKE_CURRENT_SOURCE_DIR}/fault/*.c)
add_executable(test_fault EXCLUDE_FROM_ALL ${fault_sources})
set_target_properties(test_fault PROPERTIES RUNTIME_OUTPUT_DIRECTORY ${CMAKE_BINARY_DIR}/tests)
target_link_libraries(test_fault PRIVATE wye_flags Threads::Threads ${seam_wraps})
foreach(used sys ${WYE_FOLDERS})
	target_link_libraries(test_fault PRIVATE ${used}_objects)
endforeach()
add_dependencies(unit_tests test_fault)

# One test for system calls, of which a third, and one for memory. One case alone: what a failure prints.
add_test(NAME fault/calls COMMAND test_fault --calls --every 3)
add_test(NAME fault/memory COMMAND test_fault --memory)
set_tests_properties(fault/calls fault/memory PROPERTIES TIMEOUT 600)
