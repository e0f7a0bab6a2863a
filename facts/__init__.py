"""What is: reads of the machine, and nothing about what anyone wants of it."""
