//! What is refused at the door.
