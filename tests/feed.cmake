# What tests/unit/feed has beside plain cmocka programs: random histories against a naive model (property), the same
# against a feed that is broken on purpose (mutants), and a replay of the executable model's histories (feedmodel).
set(feed_unit ${CMAKE_CURRENT_SOURCE_DIR}/unit/feed)
set(feed_history ${feed_unit}/history.c ${feed_unit}/flush.c ${feed_unit}/oracle.c ${feed_unit}/sink.c)
file(GLOB feed_sources CONFIGURE_DEPENDS ${CMAKE_SOURCE_DIR}/src/feed/*.c)

add_executable(feed_property EXCLUDE_FROM_ALL ${feed_unit}/property.c ${feed_history})
target_link_libraries(feed_property PRIVATE feed_objects)

# The feed is compiled again here: mutation points exist in no other build.
add_executable(feed_mutants EXCLUDE_FROM_ALL ${feed_unit}/property.c ${feed_history} ${feed_sources})
target_compile_definitions(feed_mutants PRIVATE WYE_MUTANTS)

add_executable(feed_replay EXCLUDE_FROM_ALL ${feed_unit}/replay.c ${feed_unit}/sink.c)
target_link_libraries(feed_replay PRIVATE feed_objects)

foreach(program feed_property feed_mutants feed_replay)
	set_target_properties(${program} PROPERTIES RUNTIME_OUTPUT_DIRECTORY ${CMAKE_BINARY_DIR}/tests)
	target_link_libraries(${program} PRIVATE wye_flags Threads::Threads base_objects sys_objects)
	add_dependencies(unit_tests ${program})
endforeach()

# 100,000 histories, or the environment's WYE_HISTORIES. One seed alone: feed_property --seed N.
foreach(part 1 2)
	add_test(NAME feed/property_${part} COMMAND feed_property ${part} 2)
endforeach()
add_test(NAME feed/mutants COMMAND feed_mutants --mutants)
add_test(NAME feed/model COMMAND /usr/bin/python3
	${CMAKE_CURRENT_SOURCE_DIR}/feed/against_model.py $<TARGET_FILE:feed_replay> 500)
set_tests_properties(feed/property_1 feed/property_2 feed/mutants feed/model PROPERTIES TIMEOUT 600)
