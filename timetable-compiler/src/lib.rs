//! The timetable compiler: reads a timetable, says what is wrong with it, and writes a network
//! file.

pub mod assemble;
pub mod connect;
pub mod timetable;
