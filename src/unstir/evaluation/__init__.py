"""Is it good, and is it honest?"""
