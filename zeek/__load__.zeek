@load ./tablecast
