/* What the core is compiled for. This file is for any model: files are checked before they are viewed, and every kind
 * of layer runs. In a folder that `edgeecg export-c` wrote, a file of this name lists the layers of the folder's
 * models: the core trusts the models it was compiled with and leaves out what none of them needs. */
#ifndef EDGEECG_CONFIG_H
#define EDGEECG_CONFIG_H
#endif
